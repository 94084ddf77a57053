import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { suggest } from '../../server/config/suggest.ts';

const KEYS = ['dataDir', 'keyFile', 'http', 'networks', 'relayed', 'boards', 'powerDrivers', 'fetch', 'siteArgs'];

describe('suggest', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['datadir', 'dataDir'],
    ['data_dir', 'dataDir'],
    ['data-dir', 'dataDir'],
    ['dataDri', 'dataDir'],
    ['network', 'networks'],
    ['netwroks', 'networks'],
    ['htp', 'http'],
    ['powerDriver', 'powerDrivers'],
    ['power drivers', 'powerDrivers'],
    ['colour', undefined],
    ['x', undefined],
    ['', undefined],
  ];
  for (const [word, meant] of cases)
    it(`"${word}" was meant as ${meant ?? 'nothing known'}`, () => {
      assert.equal(suggest(word, KEYS), meant);
    });

  it('knows nothing when nothing is known', () => {
    assert.equal(suggest('dataDir', []), undefined);
  });

  it('one slip of the pen in a key is always seen through', () => {
    const slip = fc.tuple(fc.constantFrom(...KEYS), fc.nat(20), fc.constantFrom('drop', 'double', 'swap', 'other'));
    fc.assert(
      fc.property(slip, ([key, place, kind]) => {
        const at = place % (key.length - 1);
        const [before, here, next, after] = [key.slice(0, at), key.charAt(at), key.charAt(at + 1), key.slice(at + 2)];
        const slips: Readonly<Record<typeof kind, string>> = {
          drop: before + next + after,
          double: before + here + here + next + after,
          swap: before + next + here + after,
          other: `${before}q${next}${after}`,
        };
        assert.equal(suggest(slips[kind], KEYS), key);
      }),
    );
  });
});
