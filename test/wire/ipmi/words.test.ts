import { strict as assert } from 'node:assert';
import { SUITE_17, SUITE_3, SUITES } from '../../../server/wire/ipmi/suite.ts';
import { completionTrouble, refusesSuite, sessionTrouble } from '../../../server/wire/ipmi/words.ts';

/** Codes and what a BMC's answer means for another try: `auth` and `config` never, `busy` later (IPMI 2.0 table 13-15). */
const STATUS: readonly (readonly [number, string, RegExp])[] = [
  [0x01, 'busy', /no free session/],
  [0x02, 'busy', /forgot the session/],
  [0x04, 'config', /cipher suite/],
  [0x05, 'config', /cipher suite/],
  [0x08, 'busy', /no longer active/],
  [0x09, 'auth', /role/],
  [0x0a, 'auth', /privilege/],
  [0x0b, 'busy', /for that privilege/],
  [0x0c, 'config', /length of the user name/],
  [0x0d, 'auth', /no such user/],
  [0x0f, 'auth', /wrong password or K_g/],
  [0x10, 'config', /cipher suite/],
  [0x11, 'config', /cipher suite/],
  [0x12, 'refused', /0x12/],
];

/** Completion codes (table 5-2). */
const COMPLETION: readonly (readonly [number, string, RegExp])[] = [
  [0x81, 'auth', /privilege/],
  [0xc0, 'busy', /busy/],
  [0xc1, 'refused', /does not know/],
  [0xc3, 'busy', /timed out/],
  [0xcc, 'refused', /field invalid/],
  [0xce, 'busy', /cannot answer/],
  [0xcf, 'busy', /repetition/],
  [0xd0, 'busy', /update/],
  [0xd1, 'busy', /initializing/],
  [0xd4, 'auth', /privilege/],
  [0xd5, 'refused', /present state/],
  [0xd6, 'refused', /disabled/],
  [0xc9, 'refused', /0xc9/],
];

describe('IPMI in words', () => {
  for (const [status, code, words] of STATUS)
    it(`status 0x${status.toString(16)} is ${code}`, () => {
      const trouble = sessionTrouble(status);
      assert.equal(trouble.code, code);
      assert.match(trouble.because, words);
    });

  for (const [completion, code, words] of COMPLETION)
    it(`completion 0x${completion.toString(16)} is ${code}`, () => {
      const trouble = completionTrouble(completion);
      assert.equal(trouble.code, code);
      assert.match(trouble.because, words);
    });

  it('every number has words, and only the four that say so refuse a suite', () => {
    const refusing = [];
    for (let number = 0; number < 256; number += 1) {
      assert.notEqual(sessionTrouble(number).because, '');
      assert.notEqual(completionTrouble(number).because, '');
      if (refusesSuite(number)) refusing.push(number);
    }
    assert.deepEqual(refusing, [0x04, 0x05, 0x10, 0x11]);
  });
});

describe('cipher suites', () => {
  it('the stronger one is tried first, and suite 0 never', () => {
    assert.deepEqual(
      SUITES.map((suite) => suite.id),
      [17, 3],
    );
  });

  it('each has authentication, integrity and encryption, by the numbers of tables 13-17 to 13-19', () => {
    const numbers = SUITES.map((suite) => [suite.authentication, suite.integrity, suite.confidentiality]);
    assert.deepEqual(numbers, [
      [3, 4, 1],
      [1, 1, 1],
    ]);
  });

  it('an AuthCode is a hash cut short, never longer than the hash', () => {
    for (const suite of [SUITE_3, SUITE_17]) assert.ok(suite.integrityOctets < suite.codeOctets);
    assert.deepEqual([SUITE_3.codeOctets, SUITE_17.codeOctets], [20, 32]);
  });
});
