import { strict as assert } from 'node:assert';
import { runMeaning } from '../../../server/wire/qmp/run-state.ts';

describe('QEMU run states', () => {
  for (const [state, power, needsReset] of [
    ['running', 'on', false],
    ['guest-panicked', 'on', true],
    ['prelaunch', 'off', false],
    ['shutdown', 'off', true],
    ['paused', 'frozen', false],
    ['internal-error', 'frozen', true],
  ] as const)
    it(`${state} is ${power}${needsReset ? ' and needs a reset' : ''}`, () => {
      assert.deepEqual(runMeaning(state), { power, needsReset });
    });

  it('one that is not known has no meaning', () => {
    for (const state of ['', 'dreaming', 'constructor', '__proto__']) assert.equal(runMeaning(state), undefined);
  });
});
