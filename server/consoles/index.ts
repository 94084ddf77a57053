import type { ConsoleTransport } from '../ports/console.ts';
import { powerDriver } from './power-driver.ts';
import { serialTransport, type LoadSerial } from './serial.ts';
import { ssh } from './ssh.ts';
import { tcp } from './tcp.ts';
import { telnet } from './telnet.ts';
import { unixTransport, type VouchForFolder } from './unix.ts';

/** The transports there are, by name. */
export function createConsoleTransports(parts: {
  readonly vouchForFolder: VouchForFolder;
  /** The path of Farrier's own socket. */
  readonly ownSocket: string;
  readonly loadSerial: LoadSerial;
}): {
  list(): readonly ConsoleTransport[];
  byName(name: string): ConsoleTransport | undefined;
} {
  const all: readonly ConsoleTransport[] = [
    powerDriver,
    telnet,
    tcp,
    ssh,
    serialTransport(parts.loadSerial),
    unixTransport(parts.vouchForFolder, parts.ownSocket),
  ];
  return { list: () => all, byName: (name) => all.find((transport) => transport.name === name) };
}
