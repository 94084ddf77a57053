import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { FieldValues } from '../../server/core/field.ts';
import { createPowerDrivers, type SiteDrivers } from '../../power-drivers/index.ts';
import { startVirtualPdu, type PduFault, type VirtualPdu } from '../../lab/virtual-pdu.ts';
import { PowerError, type PowerHandle } from '../../server/ports/power-driver.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'canary-pdu-1';
const forever = new AbortController().signal;

/** The example of power-drivers/examples as a site would install it, against the lab's PDU. */
describe('the example PDU script', () => {
  const states = [false, false];
  let folder: DriverFolder;
  let drivers: SiteDrivers;
  let pdu: VirtualPdu;

  before(async () => {
    folder = await createDriverFolder();
    await folder.drop('line-pdu', await readFile('power-drivers/examples/line-pdu', 'utf8'));
    drivers = await createPowerDrivers([folder.path], { ...realEdges, log: createQuietLog() });
    const outlets = states.map((_, at) => ({
      isOn: () => states[at] ?? false,
      turn: (on: boolean) => {
        states[at] = on;
      },
    }));
    pdu = await startVirtualPdu({ address: '127.0.0.1', port: 0, password: PASSWORD, outlets, clock: realClock });
  });
  after(async () => {
    drivers.close();
    await pdu.stop();
    await folder.remove();
  });
  afterEach(() => {
    pdu.fault('none');
  });

  const opened = (change: FieldValues = {}): PowerHandle => {
    const driver = drivers.byName('line-pdu');
    assert.ok(driver, drivers.problems()[0]?.because);
    return driver.open({ host: pdu.address, port: pdu.port, password: PASSWORD, outlet: 2, ...change }, realEdges);
  };
  const codeOf = (doing: Promise<unknown>): Promise<string> =>
    doing.then(
      () => 'done',
      (error: unknown) => (error instanceof PowerError ? error.code : String(error)),
    );

  it('switches the one outlet it is told and says what it sees', async () => {
    assert.equal(await opened().query(forever), 'off');
    await opened().set('on', forever);
    await seen('on');
    assert.deepEqual(states, [false, true]);
    await opened().set('off', forever);
    await seen('off');
  });

  const seen = (want: 'on' | 'off'): Promise<void> =>
    until(`it is ${want}`, async () => (await opened().query(forever)) === want, 30_000);

  const faults: readonly (readonly [string, PduFault, FieldValues, string])[] = [
    ['a wrong password is auth', 'none', { password: 'wrong' }, 'auth'],
    ['an outlet it has not is refused', 'none', { outlet: 9 }, 'refused'],
    ['a PDU that nobody listens at is unreachable', 'none', { port: 1 }, 'unreachable'],
    ['a PDU that is talking to somebody else is unreachable for now', 'busy', {}, 'unreachable'],
    ['a PDU that talks nonsense is refused', 'rubbish', {}, 'refused'],
    ['a PDU that denies is auth', 'denies', {}, 'auth'],
    ['a PDU that says ok and does nothing is believed here; the engine looks', 'lies', {}, 'done'],
  ];
  for (const [title, fault, change, want] of faults)
    it(title, async () => {
      pdu.fault(fault);
      assert.equal(await codeOf(opened(change).set('on', forever)), want);
      assert.deepEqual(states, [false, false]);
    });

  it('a silent PDU is given up when nobody waits any more', async () => {
    pdu.fault('silent');
    const stop = new AbortController();
    const asked = codeOf(opened().query(stop.signal));
    setTimeout(() => {
      stop.abort();
    }, 100);
    assert.equal(await asked, 'timeout');
  });

  it('takes no password that would break its line', () => {
    assert.throws(() => opened({ password: 'two words' }), /"password" must match/);
    assert.throws(() => opened({ password: 'quo"te' }), /"password" must match/);
  });

  it('a verb it does not know is exit code 13', async () => {
    const called = promisify(execFile)(`${folder.path}/line-pdu`, ['dance']);
    await assert.rejects(called, (error) => error instanceof Error && 'code' in error && error.code === 13);
  });
});
