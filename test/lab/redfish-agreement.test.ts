import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { startPretendRedfish, type PretendRedfish } from '../../lab/pretend/redfish.ts';
import { redfish } from '../../power-drivers/redfish.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';

const forever = new AbortController().signal;
const [user, password] = ['lab', 'agreement'];
/** What OpenStack's client sees; what it is told to do follows on a second line of its input. */
const SUSHY = `
import json, sys, sushy
from sushy import auth
told = json.load(sys.stdin)
service = sushy.Sushy(told['url'], auth=auth.SessionAuth(username=told['user'], password=told['password']))
system = service.get_system_collection().get_members()[0]
if told['reset']:
    system.reset_system(sushy.ResetType(told['reset']))
if told['boot']:
    system.set_system_boot_options(sushy.BootSource(told['boot']), sushy.BootSourceOverrideEnabled.ONCE)
system.refresh(force=True)
print(json.dumps({'power': system.power_state.value, 'boot': system.boot.target.value, 'enabled': system.boot.enabled.value,
  'serial': system.serial_number, 'firmware': system.managers[0].firmware_version,
  'resets': sorted(each.value for each in system.get_allowed_reset_system_values())}))
service._auth.close()
`;

function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      // redfishtool ends in 255 even when all went well.
      if (error && stdout === '' && stderr !== '') reject(new Error(stderr));
      else resolve(stdout);
    });
    child.stdin?.end(input);
  });
}

describe('the pretend Redfish service, as Debian’s clients and ours see it', function () {
  this.timeout(240_000);
  let service: PretendRedfish;
  let handle: PowerHandle;
  before(async () => {
    service = await startPretendRedfish({ clock: realEdges.clock, user, password });
    const { port } = service.device;
    handle = redfish.open({ host: '127.0.0.1', port, scheme: 'http', user, password }, realEdges);
  });
  after(() => service.device.close());

  const redfishtool = (...words: readonly string[]): Promise<string> => {
    const who = ['-u', user, '-p', password, '-A', 'Session', '-S', 'Never'];
    return run('/usr/bin/redfishtool', ['-r', `127.0.0.1:${service.device.port}`, ...who, ...words]);
  };
  const sushy = async (reset: string | null = null, boot: string | null = null): Promise<Record<string, unknown>> => {
    const told = { url: `http://127.0.0.1:${service.device.port}`, user, password, reset, boot };
    const seen = await run('/usr/bin/python3', ['-c', SUSHY], JSON.stringify(told));
    return JSON.parse(seen) as Record<string, unknown>;
  };

  it('redfishtool switches and we see it, we switch and redfishtool sees it', async () => {
    await redfishtool('Systems', '-1', 'reset', 'On');
    assert.equal(await handle.query(forever), 'on');
    await handle.set('off', forever);
    assert.match(await redfishtool('-P', 'PowerState', 'Systems', '-1'), /"PowerState": "Off"/);
    await handle.bootdev?.('pxe', forever);
    assert.match(await redfishtool('-P', 'Boot', 'Systems', '-1'), /"BootSourceOverrideTarget": "Pxe"/);
  });

  it('sushy sees the power, the boot device, the resets and the firmware that we see', async () => {
    await handle.set('on', forever);
    await handle.bootdev?.('disk', forever);
    const seen = await sushy();
    const info = await handle.info?.(forever);
    assert.deepEqual([seen['power'], seen['boot'], seen['enabled']], ['On', 'Hdd', 'Once']);
    assert.equal(seen['firmware'], info?.['firmware']);
    assert.deepEqual(seen['resets'], ['ForceOff', 'ForceRestart', 'GracefulShutdown', 'On', 'PushPowerButton']);
  });

  it('sushy switches off and orders a boot device, and we see both', async () => {
    await sushy('ForceOff', 'Pxe');
    assert.equal(await handle.query(forever), 'off');
    assert.deepEqual(service.boot()['BootSourceOverrideTarget'], 'Pxe');
  });

  it('nobody leaves a session behind', () => {
    assert.equal(service.sessions(), 0);
  });
});
