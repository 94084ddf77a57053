import { strict as assert } from 'node:assert';
import type { ConsoleLine } from '../../server/ports/console.ts';
import { PowerError } from '../../server/ports/power-driver.ts';

const GIVE_UP_MS = 8000;

/** The `PowerError` a call must end with. */
export async function powerFailure(doing: Promise<unknown> | undefined): Promise<PowerError> {
  assert.ok(doing, 'the driver can do it');
  const thrown: unknown = await doing.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(thrown instanceof PowerError, `no PowerError but ${String(thrown)}`);
  return thrown;
}

/** Waits for something that is about to become true. */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  what: string,
  withinMs = GIVE_UP_MS,
): Promise<void> {
  for (const untilMs = performance.now() + withinMs; performance.now() < untilMs;) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`not so after ${withinMs} ms: ${what}`);
}

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
