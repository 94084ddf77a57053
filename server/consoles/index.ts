import type { ConsoleTransport } from '../ports/console.ts';
import { powerDriver } from './power-driver.ts';
import { tcp } from './tcp.ts';
import { unixTransport, type VouchForFolder } from './unix.ts';

/** The transports there are, by name. */
export function createConsoleTransports(parts: { readonly vouchForFolder: VouchForFolder }): {
  list(): readonly ConsoleTransport[];
  byName(name: string): ConsoleTransport | undefined;
} {
  const all: readonly ConsoleTransport[] = [powerDriver, tcp, unixTransport(parts.vouchForFolder)];
  return { list: () => all, byName: (name) => all.find((transport) => transport.name === name) };
}
