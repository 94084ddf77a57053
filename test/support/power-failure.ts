import { strict as assert } from 'node:assert';
import { PowerError, type PowerErrorCode } from '../../server/ports/power-driver.ts';

/** The words of the `PowerError` that something ends in; fails when it ends otherwise or in another code. */
export async function powerFailure(doing: Promise<unknown>, code: PowerErrorCode): Promise<string> {
  const thrown: unknown = await doing.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof PowerError, `a ${code} error, not ${String(thrown)}`);
  assert.equal(thrown.code, code, thrown.message);
  return thrown.message;
}
