import { strict as assert } from 'node:assert';
import { ipv4 } from '../../server/core/address.ts';
import { answersNow } from '../../server/net/answers-now.ts';

describe('whether a host answers now', () => {
  const cases: readonly (readonly [title: string, knock: boolean | Error, ping: boolean | Error, want: boolean])[] = [
    ['"port unreachable" is an answer, and nobody is pinged', true, new Error('not asked'), true],
    ['an echo is one too', false, true, true],
    ['neither is none', false, false, false],
    ['what cannot be asked does not answer', new Error('no such network'), true, false],
  ];
  for (const [title, knock, ping, want] of cases)
    it(title, async () => {
      const say = (answer: boolean | Error) => () =>
        answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      assert.equal(await answersNow({ knock: say(knock), ping: say(ping) })(ipv4(1)), want);
    });
});
