import { strict as assert } from 'node:assert';
import { startIpmiSim } from '../../lab/ipmi-sim.ts';
import { ipmi } from '../../power-drivers/ipmi.ts';
import type { BootDevice, PowerHandle } from '../../server/ports/power-driver.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc } from '../support/bmc-rack.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { startIpmitoolShell, type IpmitoolShell, type IpmitoolTarget } from '../support/ipmitool.ts';
import { createSimChassis } from '../support/sim-chassis.ts';

const SEQUENCES = Number(process.env['FARRIER_IPMI_SEQUENCES'] ?? 1000);
const LONGEST = 4;
const DEVICES = ['pxe', 'disk', 'none'] as const;
const forever = new AbortController().signal;

/** What a BMC is asked for, by either of the two. */
interface Talker {
  turn(want: 'on' | 'off'): Promise<void>;
  reset(): Promise<void>;
  bootFrom(device: BootDevice): Promise<void>;
}

/** What should have come of it. */
interface Wanted {
  readonly power: 'on' | 'off';
  readonly device: BootDevice;
}

/** Pseudo-random and repeatable: a failing sequence can be run again. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % sides;
  };
}

function farrier(handle: PowerHandle): Talker {
  const { reset, bootdev } = handle;
  assert.ok(reset && bootdev);
  return {
    turn: (want) => handle.set(want, forever),
    reset: () => reset(forever),
    bootFrom: (device) => bootdev(device, forever),
  };
}

function tool(shell: IpmitoolShell): Talker {
  const expect = async (answer: RegExp, ...words: string[]): Promise<void> => {
    assert.match(await shell.ask('chassis', ...words), answer);
  };
  return {
    turn: (want) => expect(want === 'on' ? /Control: Up\/On/ : /Control: Down\/Off/, 'power', want),
    reset: () => expect(/Control: Reset/, 'power', 'reset'),
    bootFrom: (device) => expect(new RegExp(`Set Boot Device to ${device}`), 'bootdev', device),
  };
}

async function oneStep(talker: Talker, roll: (sides: number) => number, before: Wanted): Promise<Wanted> {
  const kind = roll(8);
  if (kind === 0 && before.power === 'on') {
    await talker.reset();
    return before;
  }
  if (kind < 5) {
    const power = roll(2) === 0 ? 'on' : 'off';
    await talker.turn(power);
    return { ...before, power };
  }
  const device = DEVICES[roll(DEVICES.length)] ?? 'none';
  await talker.bootFrom(device);
  return { ...before, device };
}

const DEVICE_WORDS: Readonly<Record<BootDevice, RegExp>> = {
  pxe: /Force PXE/,
  disk: /Force Boot from default Hard-Drive/,
  none: /No override/,
};

/** Runs the sequences; after each, Farrier, ipmitool and the machine itself must say the same. */
async function agree(target: IpmitoolTarget & { readonly suite: string }, isOn: () => Promise<boolean>): Promise<void> {
  const { host, port, user, password, suite } = target;
  const handle = ipmi.open({ host, port, user, password, cipherSuite: suite, bootMode: 'legacy' }, realEdges);
  const shell = await startIpmitoolShell(target);
  const talkers = [farrier(handle), tool(shell)];
  const roll = dice(20_261_120);
  let wanted: Wanted = { power: 'off', device: 'none' };
  try {
    for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
      for (let left = 1 + roll(LONGEST); left > 0; left -= 1) {
        const talker = talkers[roll(2)];
        assert.ok(talker);
        wanted = await oneStep(talker, roll, wanted);
      }
      const words = `sequence ${sequence}`;
      assert.equal(await handle.query(forever), wanted.power, words);
      assert.match(await shell.ask('chassis', 'power', 'status'), new RegExp(`is ${wanted.power}`), words);
      assert.equal(await isOn(), wanted.power === 'on', words);
      assert.match(await shell.ask('chassis', 'bootparam', 'get', '5'), DEVICE_WORDS[wanted.device], words);
    }
  } finally {
    await shell.end();
  }
}

// FARRIER_IPMI_SEQUENCES says how many, where time is short. Each is one to four commands by Farrier or ipmitool, mixed.
describe(`Farrier and ipmitool agree over ${SEQUENCES} random sequences`, () => {
  it('on ipmi_sim, cipher suite 3', async () => {
    const chassis = await createSimChassis();
    const login = { user: 'admin', password: 'long-random-word-19', port: 9643 };
    const sim = await startIpmiSim({ ...login, powerProgram: chassis.program });
    try {
      await agree({ ...login, host: '127.0.0.1', suite: '3' }, () => chassis.isOn());
    } finally {
      await sim.stop();
      await chassis.remove();
    }
  }).timeout(900_000);

  it('on the virtual BMC, cipher suite 17', async () => {
    const bmc = await startTestBmc();
    try {
      const target = { host: bmc.address, port: bmc.port, user: BMC_USER, password: BMC_PASSWORD, suite: '17' };
      await agree(target, () => Promise.resolve(bmc.isOn()));
    } finally {
      await bmc.stop();
    }
  }).timeout(900_000);
});
