import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startChassisControl, type ChassisControl } from '../../lab/chassis-control.ts';
import type { RackBoard } from '../../lab/rack-board.ts';
import { macOf } from '../../server/core/address.ts';

const run = promisify(execFile);

describe('the program behind a simulated BMC', () => {
  let folder: string;
  let control: ChassisControl;
  let program: string;
  const deeds: string[] = [];
  let on = false;
  const switched = (to: boolean) => (): Promise<void> => {
    on = to;
    deeds.push(to ? 'on' : 'off');
    return Promise.resolve();
  };
  const board: RackBoard = {
    ...{ name: 'slot-1', kind: 'uboot-arm64', mac: macOf(Uint8Array.of(2, 0, 0, 0, 0, 1)) },
    isOn: () => on,
    powerOn: switched(true),
    powerOff: switched(false),
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-chassis-'));
    control = await startChassisControl(join(folder, 'chassis'));
    program = await control.programFor(board);
  });
  after(async () => {
    await control.stop();
    await rm(folder, { recursive: true });
  });

  it('is called as ipmi_sim calls it, and switches its own board', async () => {
    const say = async (...words: readonly string[]): Promise<string> => (await run(program, ['0x20', ...words])).stdout;
    assert.equal(await say('get', 'power'), 'power:0\n');
    assert.equal(await say('set', 'power', '1'), '');
    assert.equal(await say('get', 'power'), 'power:1\n');
    await say('set', 'reset', '1');
    await say('set', 'boot', 'pxe');
    assert.equal(await say('get', 'boot'), 'boot:pxe\n');
    assert.equal(control.bootDevice(board), 'pxe');
    await say('set', 'power', '0');
    assert.deepEqual(deeds, ['on', 'off', 'on', 'off']);
  });
});
