import { strict as assert } from 'node:assert';
import { flipWords, judgeFlips, type FlipFinding } from '../../server/core/flip-judge.ts';

const found = (machine: string, silent: readonly string[], trouble?: string): FlipFinding => ({
  ...{ machine, silent, trouble },
});

const cases: readonly (readonly [title: string, findings: readonly FlipFinding[], words: readonly string[]])[] = [
  ['each switches its own', [found('a', ['a']), found('b', ['b'])], ['right', 'right']],
  ['two are swapped', [found('a', ['b']), found('b', ['a'])], ['swapped with b', 'swapped with a']],
  [
    'three in a ring are wrong, not swapped',
    [found('a', ['b']), found('b', ['c']), found('c', ['a'])],
    ['wrong: it switches b', 'wrong: it switches c', 'wrong: it switches a'],
  ],
  ['another one that was not tried', [found('a', ['x'])], ['wrong: it switches x']],
  ['an outlet with nobody on it', [found('a', [])], ['nobody went silent']],
  ['two on one outlet', [found('a', ['a', 'b'])], ['unsure: a, b went silent together']],
  ['what could not be tried', [found('a', [], 'the PDU is silent')], ['unsure: the PDU is silent']],
  [
    'one half of a swap could not be tried',
    [found('a', ['b']), found('b', ['a'], 'the test was aborted')],
    ['wrong: it switches b', 'unsure: the test was aborted'],
  ],
  ['both outlets switch the same machine', [found('a', ['b']), found('b', ['b'])], ['wrong: it switches b', 'right']],
  [
    'the other’s outlet silences two',
    [found('a', ['b']), found('b', ['a', 'c'])],
    ['wrong: it switches b', 'unsure: a, c went silent together'],
  ],
  ['nothing was tried', [], []],
];

describe('the judge of flipped outlets', () => {
  for (const [title, findings, words] of cases)
    it(title, () => {
      const verdicts = judgeFlips(findings);
      assert.deepEqual(
        [...verdicts.keys()],
        findings.map(({ machine }) => machine),
      );
      assert.deepEqual([...verdicts.values()].map(flipWords), words);
    });

  it('any swap of two among eight is found, and nothing else is blamed', () => {
    const names = 'a b c d e f g h'.split(' ');
    for (const one of names)
      for (const other of names) {
        if (one === other) continue;
        const really = (name: string): string => (name === one ? other : name === other ? one : name);
        const verdicts = judgeFlips(names.map((name) => found(name, [really(name)])));
        for (const name of names) {
          const want = really(name) === name ? 'right' : `swapped with ${really(name)}`;
          assert.equal(flipWords(verdicts.get(name) ?? { is: 'nobody' }), want);
        }
      }
  });
});
