import type { ConsoleLine } from '../../server/ports/console.ts';

const GIVE_UP_MS = 30_000;

/** Listens on a line and keeps all of it. */
export function hear(line: ConsoleLine): {
  readonly octets: () => Buffer;
  /** Waits until the line has said this. */
  readonly has: (wanted: Buffer | string, withinMs?: number) => Promise<void>;
} {
  const chunks: Uint8Array[] = [];
  let look = (): void => undefined;
  line.listen((octets) => {
    chunks.push(Uint8Array.from(octets));
    look();
  });
  const octets = (): Buffer => Buffer.concat(chunks);
  return {
    octets,
    has: (wanted, withinMs = GIVE_UP_MS) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`the line did not say ${JSON.stringify(String(wanted))}: ${octets().toString('latin1')}`));
        }, withinMs);
        look = () => {
          if (!octets().includes(wanted)) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      }),
  };
}
