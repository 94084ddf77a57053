import { strict as assert } from 'node:assert';
import { PowerError } from '../../server/ports/power-driver.ts';

/** A signal nobody gives. */
export const forever = new AbortController().signal;

/** The `PowerError` something ends with; fails when it ends well or with anything else. */
export async function failureOf(doing: Promise<unknown> | (() => unknown)): Promise<PowerError> {
  const thrown: unknown = await Promise.resolve()
    .then(() => (typeof doing === 'function' ? doing() : doing))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  assert.ok(thrown instanceof PowerError, String(thrown));
  return thrown;
}
