import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startPduDaemon } from '../../lab/pdudaemon.ts';
import { dliFormManner, dliRestManner } from '../../lab/pretend/dli.ts';
import { esphomeManner, shelly1Manner, shelly2Manner, tasmotaManner } from '../../lab/pretend/plugs.ts';
import { startWebDevice, type PretendWebDevice, type WebManner } from '../../lab/pretend/web-device.ts';
import { pdudaemon } from '../../power-drivers/pdudaemon.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { forever } from '../support/power-failure.ts';

const run = promisify(execFile);
const USER = { user: 'admin', password: 'canary-peer-1' };

/** Clients that others wrote drive the pretend devices: what pleases them is not only what pleases our drivers. */
describe('pretend devices and the clients of others', function () {
  this.timeout(120_000);
  let device: PretendWebDevice;
  afterEach(() => device.close());
  const start = async (manner: WebManner, outlets: readonly string[]): Promise<void> => {
    device = await startWebDevice({ manner, outlets, clock: realClock });
  };

  /** Lets pdudaemon's own driver switch a port of the pretend device. */
  const drive = async (settings: object, outlet: number, orders: readonly ('on' | 'off')[]): Promise<boolean[]> => {
    const pdu = `127.0.0.1:${device.port}`;
    const login = { username: USER.user, password: USER.password, retries: 1 };
    const daemon = await startPduDaemon(realClock, { [pdu]: { ...login, ...settings } });
    try {
      const handle = pdudaemon.open({ host: '127.0.0.1', port: daemon.port, pdu, outlet }, realEdges);
      const states: boolean[] = [];
      for (const order of orders) {
        await handle.set(order, forever);
        states.push(device.isOn('1'), device.isOn('2'));
      }
      return states;
    } finally {
      await daemon.stop();
    }
  };

  it("Tasmota: pdudaemon's driver switches it", async () => {
    await start(tasmotaManner(USER, 2), ['1', '2']);
    const states = await drive({ driver: 'brennenstuhl_wspl01_tasmota' }, 2, ['on', 'off']);
    assert.deepEqual(states, [false, true, false, false]);
  });

  it("ESPHome: pdudaemon's driver switches it", async () => {
    await start(esphomeManner(USER), ['1', '2']);
    const states = await drive({ driver: 'esphome-http', switch_ids: ['1', '2'] }, 2, ['on']);
    assert.deepEqual(states, [false, true]);
  });

  const curl = async (...args: readonly string[]): Promise<string> =>
    (await run('curl', ['--silent', '--show-error', '--fail', '-u', `${USER.user}:${USER.password}`, ...args])).stdout;
  const at = (path: string): string => `http://127.0.0.1:${device.port}${path}`;

  it('Digital Loggers REST: the calls of its maker by curl', async () => {
    await start(dliRestManner({ ...USER, outlets: 8 }), ['1', '2', '3']);
    const outlet = at('/restapi/relay/outlets/2');
    await curl('--digest', '-X', 'PUT', '-H', 'X-CSRF: x', '--data', 'value=true', `${outlet}/state/`);
    assert.equal(device.isOn('3'), true);
    assert.equal(await curl('--digest', '-H', 'Accept:application/json', `${outlet}/physical_state/`), 'true');
    await assert.rejects(curl('--digest', '-X', 'PUT', '--data', 'value=false', `${outlet}/state/`), /403/);
    await assert.rejects(curl('-u', 'admin:wrong', '--digest', `${outlet}/state/`), /401/);
  });

  it('Digital Loggers pages behind a form: nothing without the log-in', async () => {
    await start(dliFormManner({ ...USER, outlets: 8 }), ['1']);
    assert.match(await curl(at('/outlet?1=ON')), /name="Challenge"/);
    assert.equal(device.isOn('1'), false);
  });

  it('Shelly: both generations by curl, each with its own authentication', async () => {
    await start(shelly2Manner(USER), ['0']);
    await curl('--digest', at('/rpc/Switch.Set?id=0&on=true'));
    assert.deepEqual(JSON.parse(await curl('--digest', at('/rpc/Switch.GetStatus?id=0'))), {
      id: 0,
      source: 'init',
      output: true,
    });
    await assert.rejects(curl('--basic', at('/rpc/Switch.GetStatus?id=0')), /401/);
    await device.close();
    await start(shelly1Manner(USER), ['0']);
    await curl('--basic', at('/relay/0?turn=on'));
    assert.equal(device.isOn('0'), true);
  });
});
