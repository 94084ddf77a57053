import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { compareDebianVersions } from '../../server/core/debian-version.ts';

const OLDER_FIRST: readonly (readonly [string, string])[] = [
  ['6.1.0-50-arm64', '6.1.0-56-arm64'],
  ['6.1.0-9-amd64', '6.1.0-10-amd64'],
  ['6.1.192-2', '6.12.9-1'],
  ['6.12.9-1~bpo12+1', '6.12.9-1'],
  ['1.0~rc1', '1.0'],
  ['1.0', '1.0+deb12u1'],
  ['1.0-1', '1.0-1.1'],
  ['9.9', '1:0.1'],
  ['1.0a', '1.0+'],
  ['1.2', '1.10'],
];

const version = fc
  .tuple(
    fc.constantFrom('', '', '1:', '2:'),
    fc.stringMatching(/^[0-9][0-9a-zA-Z.+~]{0,8}$/),
    fc.constantFrom('', '-1', '-2~bpo1', '-10'),
  )
  .map((parts) => parts.join(''));

describe('the order of versions', () => {
  for (const [older, newer] of OLDER_FIRST)
    it(`${older} is older than ${newer}`, () => {
      assert.equal(compareDebianVersions(older, newer), -1);
      assert.equal(compareDebianVersions(newer, older), 1);
    });

  it('leading zeros do not count', () => {
    assert.equal(compareDebianVersions('1.007', '1.7'), 0);
    assert.equal(compareDebianVersions('0:1', '1'), 0);
  });

  it('is an order: the same both ways round, and transitive', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        assert.equal(compareDebianVersions(a, a), 0);
        assert.equal(compareDebianVersions(a, b) + compareDebianVersions(b, a), 0);
        const [x = a, y = b, z = c] = [a, b, c].sort(compareDebianVersions);
        assert.ok(compareDebianVersions(x, y) <= 0 && compareDebianVersions(y, z) <= 0);
        assert.ok(compareDebianVersions(x, z) <= 0);
      }),
    );
  });

  it('is the order of dpkg', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const relation = compareDebianVersions(a, b) < 0 ? 'lt' : compareDebianVersions(a, b) > 0 ? 'gt' : 'eq';
        // It exits with 1, and so throws, when the relation does not hold.
        execFileSync('dpkg', ['--compare-versions', a, relation, b], { stdio: 'ignore' });
      }),
      { numRuns: 25 },
    );
  });
});
