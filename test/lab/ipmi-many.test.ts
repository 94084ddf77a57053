import { strict as assert } from 'node:assert';
import { ipmi } from '../../power-drivers/ipmi.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc } from '../support/bmc-rack.ts';
import { realEdges } from '../support/ipmi-crypto.ts';

describe('200 virtual BMCs', () => {
  for (const cipherSuite of ['17', '3'])
    it(`asked at once with cipher suite ${cipherSuite} all answer, none is lost`, async function () {
      const rack = await Promise.all(Array.from({ length: 200 }, () => startTestBmc()));
      const open = { user: BMC_USER, password: BMC_PASSWORD, cipherSuite };
      const startedMs = performance.now();
      const asked = rack.map(({ address, port }) =>
        ipmi.open({ host: address, port, ...open }, realEdges).query(new AbortController().signal),
      );
      const states = await Promise.all(asked);
      const tookMs = Math.round(performance.now() - startedMs);
      await Promise.all(rack.map((each) => each.stop()));
      assert.deepEqual(states, Array<string>(200).fill('off'));
      console.log(`        status of 200 BMCs, both sides in this process: ${tookMs} ms`);
    });
});
