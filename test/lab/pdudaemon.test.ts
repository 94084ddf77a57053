import { strict as assert } from 'node:assert';
import { startPduDaemon, type PduDaemon } from '../../lab/pdudaemon.ts';
import { pdudaemon } from '../../power-drivers/pdudaemon.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';

describe("Debian's pdudaemon", () => {
  let daemon: PduDaemon;
  before(async () => {
    daemon = await startPduDaemon(realClock);
  });
  after(() => daemon.stop());
  const opened = (change: FieldValues = {}): PowerHandle =>
    pdudaemon.open({ host: '127.0.0.1', port: daemon.port, pdu: 'bench', outlet: 7, ...change }, realEdges);

  it('carries out on, off and reset, each once and in order', async () => {
    const handle = opened({ rebootDelayS: 0 });
    await handle.set('on', forever);
    await handle.set('off', forever);
    await handle.reset?.(forever);
    assert.deepEqual(await daemon.orders(), ['7 on', '7 off', '7 off', '7 on']);
    assert.equal(await handle.query(forever), 'unknown');
  });

  it('refuses a PDU it does not know, and the words say where to look', async () => {
    const before = await daemon.orders();
    const error = await failureOf(opened({ pdu: 'nobody' }).set('on', forever));
    assert.equal(error.code, 'refused');
    assert.match(error.message, /"nobody".*pdudaemon\.conf/);
    assert.deepEqual(await daemon.orders(), before);
  });

  it('does not take a name for more than a name', async () => {
    const before = await daemon.orders();
    await failureOf(opened({ pdu: 'bench&port=8' }).set('on', forever));
    assert.deepEqual(await daemon.orders(), before);
  });
});
