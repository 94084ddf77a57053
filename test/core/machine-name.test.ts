import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { factName, isMetName, metName } from '../../server/core/machine-name.ts';
import { parseMachineName } from '../../server/core/machine.ts';
import { mac } from '../support/samples.ts';

const nobody = (): boolean => false;

describe('names that are proposed', () => {
  it('a stranger is named by the end of its MAC', () => {
    assert.equal(metName(mac('52:54:00:AA:0b:01'), nobody), 'new-aa0b01');
  });

  it('two boards that end alike are told apart', () => {
    const taken = new Set(['new-aa0b01', 'new-aa0b01-1']);
    assert.equal(
      metName(mac('52:54:01:aa:0b:01'), (name) => taken.has(name)),
      'new-aa0b01-2',
    );
  });

  it('only names nobody chose are recognised as such', () => {
    assert.deepEqual(['new-aa0b01', 'new-aa0b01-2', 'new-rack', 'node1'].map(isMetName), [true, true, false, false]);
  });

  const cases: readonly (readonly [string, string | undefined, string | undefined, string | undefined])[] = [
    ['by product', 'ProLiant m400', undefined, 'proliant-m400-1'],
    ['by device tree where there is no SMBIOS', undefined, 'APM X-Gene Mustang board', 'apm-x-gene-mustang-board-1'],
    ['long products are cut at a word', 'Standard PC (Q35 + ICH9, 2009)', undefined, 'standard-pc-q35-ich9-1'],
    ['one endless word is cut hard', 'x'.repeat(90), undefined, `${'x'.repeat(24)}-1`],
    ['signs alone name nothing', '***', undefined, undefined],
    ['nothing known names nothing', undefined, undefined, undefined],
  ];
  for (const [title, product, dtModel, want] of cases)
    it(title, () => {
      assert.equal(factName({ product, dtModel }, nobody), want);
    });

  it('numbers count on past those in use', () => {
    const taken = new Set(['mustang-1', 'mustang-2']);
    assert.equal(
      factName({ product: 'Mustang', dtModel: undefined }, (name) => taken.has(name)),
      'mustang-3',
    );
  });

  it('whatever a board calls itself, the name is lawful', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (product) => {
        const name = factName({ product, dtModel: undefined }, nobody);
        if (name !== undefined) assert.deepEqual(parseMachineName(name), { ok: true, value: name });
      }),
    );
  });
});
