import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { outletOf } from '../../server/core/outlet.ts';
import { machineOfRow, rowOfMachine } from '../../server/store/sqlite/machine-rows.ts';
import { detailShape, factsShape, fromJson, recognitionShape, toJson } from '../../server/store/sqlite/shapes.ts';
import { sampleFacts, sampleMachine } from '../support/samples.ts';

describe('rows', () => {
  it('any words, arguments and parameters come back as they were', () => {
    const text = fc.string({ unit: 'grapheme' });
    const scalar = fc.oneof(text, fc.boolean(), fc.integer());
    const parameters = fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
      scalar,
    );
    fc.assert(
      fc.property(
        fc.array(text),
        text,
        fc.option(text, { nil: undefined }),
        parameters,
        (extraArgs, board, because, given) => {
          const machine = sampleMachine(1, {
            extraArgs,
            recognised: { board, evidence: extraArgs },
            failed: because,
            power: { driver: 'exec', parameters: { ...given } },
            powerSeen: { state: 'unknown', atMs: 1, because },
          });
          assert.deepEqual(machineOfRow(rowOfMachine(machine), machine.macs), machine);
        },
      ),
    );
  });

  it('absent values stay absent through JSON', () => {
    assert.deepEqual(fromJson(factsShape, toJson(factsShape, sampleFacts)), sampleFacts);
    assert.equal(toJson(factsShape, undefined), null);
    assert.equal(fromJson(factsShape, null), undefined);
  });

  it('facts of an older Farrier, without a field that came later, are read', () => {
    const { bmcAddress, ...older } = { ...sampleFacts, bmcAddress: undefined };
    assert.equal(fromJson(factsShape, JSON.stringify(older))?.bmcAddress, bmcAddress);
  });

  for (const json of ['{}', '[]', '{"board":1,"evidence":[]}', '{"board":"x"}'])
    it(`a row changed by other hands is not believed: ${json}`, () => {
      assert.throws(() => fromJson(recognitionShape, json));
    });

  it('what could not be read again is not written', () => {
    assert.throws(() => toJson(factsShape, { ...sampleFacts, memoryOctets: Number.NaN }));
    assert.throws(() => toJson(detailShape, { ms: Number.POSITIVE_INFINITY }));
    assert.throws(() => rowOfMachine(sampleMachine(1, { facts: { ...sampleFacts, cpuCount: Number.NaN } })));
  });

  it('nested parameters are not believed either', () => {
    assert.throws(() => fromJson(detailShape, '{"host":{"a":1}}'));
  });

  it('an outlet is the same however it is written, and another one is not', () => {
    const outlet = (parameters: Record<string, string | number>): string | undefined =>
      outletOf({ driver: 'pdu', parameters });
    assert.equal(outlet({ host: 'PDU-1', outlet: 3 }), outlet({ outlet: ' 3', host: 'pdu-1' }));
    assert.notEqual(outlet({ host: 'pdu-1', outlet: 3 }), outlet({ host: 'pdu-1', outlet: 4 }));
    assert.notEqual(outlet({ a: 'b","c', d: '' }), outlet({ a: 'b', c: 'd' }));
    assert.notEqual(outletOf({ driver: 'a', parameters: { x: 1 } }), outletOf({ driver: 'b', parameters: { x: 1 } }));
    assert.equal(outletOf({ driver: 'manual', parameters: {} }), undefined);
    assert.equal(outletOf(undefined), undefined);
  });
});
