import { strict as assert } from 'node:assert';
import { runRack, SCENES } from '../support/lease-rack.ts';

const EXCHANGES = 100_000;

describe('whose address it is, at length', function () {
  this.timeout(300_000);
  for (const [title, scene] of SCENES)
    for (const seed of [1, 2])
      it(`I1 D21 100,000 exchanges, throw ${seed}, give no address to two boards: ${title}`, async () => {
        const acks = await runRack(seed, scene, EXCHANGES);
        assert.ok(acks > EXCHANGES / 10, `${acks} ACKs`);
      });
});
