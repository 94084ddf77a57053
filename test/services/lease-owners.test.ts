import { strict as assert } from 'node:assert';
import { runRack, SCENES } from '../support/lease-rack.ts';

describe('services/grant-lease: whose address it is', () => {
  for (const [title, scene] of SCENES)
    it(`I1 10,000 exchanges with restarts and failing disks give no address to two boards: ${title}`, async () => {
      const acks = await runRack(20, scene, 10_000);
      assert.ok(acks > 1000, `${acks} ACKs`);
    });
});
