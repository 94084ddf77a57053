import { strict as assert } from 'node:assert';
import { PowerError, type PowerErrorCode } from '../../server/ports/power-driver.ts';

/** A signal nobody gives. */
export const forever = new AbortController().signal;

/** The `PowerError` something ends in; fails when it ends otherwise. */
export async function failureOf(doing: Promise<unknown> | undefined | (() => unknown)): Promise<PowerError> {
  const thrown: unknown = await Promise.resolve()
    .then(() => (typeof doing === 'function' ? doing() : doing))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  assert.ok(thrown instanceof PowerError, `a power error, not ${String(thrown)}`);
  return thrown;
}

/** The words of the `PowerError` that something ends in; fails when it ends otherwise or in another code. */
export async function powerFailure(doing: Promise<unknown>, code: PowerErrorCode): Promise<string> {
  const error = await failureOf(doing);
  assert.equal(error.code, code, error.message);
  return error.message;
}
