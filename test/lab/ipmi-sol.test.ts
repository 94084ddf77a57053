import { strict as assert } from 'node:assert';
import { startIpmiSim, type IpmiSim } from '../../lab/ipmi-sim.ts';
import { ipmi } from '../../power-drivers/ipmi.ts';
import type { ConsoleLine } from '../../server/ports/console.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc } from '../support/bmc-rack.ts';
import { createBoardSerial } from '../support/board-serial.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { ipmitool, ipmitoolOnTerminal } from '../support/ipmitool.ts';
import { collect } from '../support/line-octets.ts';
import { startPretendSerial, type PretendSerial } from '../support/pretend-serial.ts';
import { createSimChassis, type SimChassis } from '../support/sim-chassis.ts';

const LOGIN = { host: '127.0.0.1', port: 9651, user: 'admin', password: 'long-random-word-19' };
/** Every octet there is, in no order that a wrong turn would hide. */
const noise = (octets: number): Uint8Array =>
  Uint8Array.from({ length: octets }, (_, at) => (at * 7 + (at >> 8)) & 255);

async function open(change: Record<string, string | number> = {}): Promise<ConsoleLine> {
  const line = await ipmi.open({ ...LOGIN, ...change }, realEdges).console?.(AbortSignal.timeout(60_000));
  assert.ok(line);
  return line;
}

describe('a console by serial over LAN from ipmi_sim', () => {
  let [sim, serial, chassis]: [IpmiSim?, PretendSerial?, SimChassis?] = [];
  const board = (): PretendSerial => serial ?? assert.fail();

  beforeEach(async () => {
    serial = await startPretendSerial();
    chassis = await createSimChassis();
    sim = await startIpmiSim({ ...LOGIN, powerProgram: chassis.program, solPort: serial.port });
    await serial.held();
  });
  afterEach(async () => {
    await sim?.stop();
    await serial?.stop();
    await chassis?.remove();
  });

  it('octets come through unchanged and in order, both ways', async () => {
    const line = await open();
    const said = noise(100_000);
    const heard = collect(line, said.length);
    board().say(said);
    assert.ok((await heard).equals(said));
    const keys = noise(3000);
    await line.write(keys);
    assert.ok((await board().toldAtLeast(keys.length)).equals(keys));
    await line.sendBreak?.();
    await line.close();
    assert.equal(await line.ended, 'closed');
    const again = await open();
    await again.close();
  }).timeout(120_000);

  it('in use elsewhere: says so with the remedy, and takes it where it is told to', async () => {
    const first = await open();
    await assert.rejects(open(), /BMC 127\.0\.0\.1:9651: serial over LAN is in use by another session; .*"solInUse"/);
    const second = await open({ solInUse: 'take' });
    assert.match(await first.ended, /serial over LAN/);
    const heard = collect(second, 2);
    board().say(Buffer.from('ok'));
    assert.equal((await heard).toString(), 'ok');
    await second.close();
  }).timeout(120_000);

  it('ended by somebody else: the line says so', async () => {
    const line = await open();
    await ipmitool({ ...LOGIN, suite: '3' }, 'sol', 'deactivate');
    assert.match(await line.ended, /^BMC 127\.0\.0\.1:9651: .*serial over LAN/);
    await assert.rejects(line.write(noise(1)), /closed|serial over LAN/);
  }).timeout(120_000);

  it('the BMC is gone: the line ends with the reason', async () => {
    const line = await open();
    await sim?.stop();
    const write = line.write(noise(1));
    await assert.rejects(write, /BMC 127\.0\.0\.1:9651/);
    assert.match(await line.ended, /ECONNREFUSED|silent|acknowledges/);
  }).timeout(120_000);
});

describe('ipmitool as the console of the virtual BMC', () => {
  for (const suite of ['3', '17'])
    it(`cipher suite ${suite}: reads, types, breaks and leaves`, async () => {
      const serial = createBoardSerial();
      const bmc = await startTestBmc({ serial });
      const target = { host: bmc.address, port: bmc.port, user: BMC_USER, password: BMC_PASSWORD, suite };
      const tool = ipmitoolOnTerminal(target, 'sol', 'activate');
      try {
        await tool.shows('SOL Session operational');
        serial.say(Buffer.from('U-Boot 2026.01\r\n'));
        await tool.shows('U-Boot 2026.01');
        tool.type('printenv\r~B');
        await tool.shows('send break');
        tool.type('\r~.');
        await tool.ended();
        assert.equal(serial.told().toString(), 'printenv\r\r');
        assert.equal(serial.breaks(), 1);
        assert.equal(bmc.sessions(), 0);
      } finally {
        await tool.stop();
        await bmc.stop();
      }
    }).timeout(120_000);
});
