import { strict as assert } from 'node:assert';
import { definePowerDriver } from '../../power-drivers/define.ts';
import type { FieldValues } from '../../server/core/field.ts';
import type { KitFault, KitTarget } from '../../server/services/driver-kit/kit-rule.ts';
import {
  parametersOfPretend,
  pretendTarget,
  truthOf,
  type PretendDevice,
} from '../../server/services/driver-kit/pretend-target.ts';

const driver = definePowerDriver({
  name: 'pdu',
  summary: 'a PDU',
  abilities: ['on', 'off', 'status'],
  callTimeoutMs: 1000,
  settleTimeoutMs: 1000,
  fields: {
    host: { kind: 'host', label: 'PDU', scope: 'controller', required: true },
    port: { kind: 'port', label: 'Port', scope: 'controller', required: true, default: 2323 },
    password: { kind: 'secret', label: 'Password', scope: 'controller', required: false },
    outlet: { kind: 'integer', label: 'Outlet', scope: 'machine', required: true, min: 1 },
  },
  open: () => ({ set: () => Promise.resolve(), query: () => Promise.resolve('off') }),
});
const FILE = '/etc/drivers/pdu.pretend';
const OPENING: readonly string[] = [
  'parameter host=127.0.0.1',
  'parameter port=4711',
  'parameter password=a=b c',
  'parameter outlet=2',
];
const PARAMETERS = { host: '127.0.0.1', port: 4711, password: 'a=b c', outlet: 2 };

/** A device that answers so; what is not among the answers it cannot. */
function saying(answers: Readonly<Record<string, string>>, opening: readonly string[] = OPENING) {
  const asked: string[] = [];
  const device: PretendDevice = {
    file: FILE,
    opening,
    ask: (words) => Promise.resolve(answers[(asked.push(words), words)] ?? 'cannot'),
  };
  return { device, asked };
}

function target(answers: Readonly<Record<string, string>>) {
  const { device, asked } = saying(answers);
  const standIns: (readonly [KitFault, number | undefined])[] = [];
  const made: KitTarget = pretendTarget(driver, device, PARAMETERS, (how, behind) => {
    standIns.push([how, behind?.port]);
    return Promise.resolve({ host: '127.0.0.1', port: 7, close: () => Promise.resolve(void asked.push('closed')) });
  });
  return { made, asked, standIns };
}

describe('a pretend device beside its driver', () => {
  it('says the parameters it is reached by: numbers are numbers, and all but the first = is value', () => {
    const read = parametersOfPretend(driver, saying({}).device);
    assert.deepEqual(read, { ok: true, value: PARAMETERS });
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a line that is none', ['hello'], /said "hello"; before "ready" it may say "parameter NAME=VALUE" only/],
    [
      'a field the driver has not',
      ['parameter host=127.0.0.1', 'parameter x=1'],
      /parameter "x" pdu has no such field/,
    ],
    ['no outlet', ['parameter host=127.0.0.1'], /parameter "outlet" is missing/],
    [
      'a value that does not fit',
      ['parameter host=::1', 'parameter outlet=0'],
      /parameter "outlet" must be a whole number/,
    ],
    ['a device elsewhere', ['parameter host=10.0.0.7', 'parameter outlet=2'], /is at 10\.0\.0\.7; .* must be at 127/],
    ['a name that begins like this host', ['parameter host=127.example.org'], /must be at 127/],
  ];
  for (const [title, opening, words] of wrong)
    it(`is refused with ${title}`, () => {
      const read = parametersOfPretend(driver, saying({}, opening).device);
      assert.match(read.ok ? 'taken' : read.error, words);
      assert.ok(!read.ok && read.error.startsWith(FILE));
    });

  it('misbehaves itself where it can, and is mended afterwards', async () => {
    const { made, asked, standIns } = target({ 'misbehave lies': 'ok', 'misbehave not': 'ok' });
    assert.deepEqual(await made.misbehave('lies'), PARAMETERS);
    await made.behave();
    assert.deepEqual([asked, standIns], [['misbehave lies', 'misbehave not'], []]);
  });

  it('has a stand-in before it for what it cannot and a port can', async () => {
    const { made, asked, standIns } = target({});
    const parameters: FieldValues = { ...PARAMETERS, host: '127.0.0.1', port: 7 };
    assert.deepEqual(await made.misbehave('flapping'), parameters);
    await made.behave();
    assert.deepEqual([asked, standIns], [['misbehave flapping', 'closed'], [['flapping', 4711]]]);
    for (const how of ['lies', 'late'] as const) assert.equal(await made.misbehave(how), undefined);
  });

  it('tells the truth, what it heard since the last question, and what it refused', async () => {
    const { made } = target({ truth: 'on', seen: '5-9 12-12', refused: '3' });
    assert.equal(await made.truth?.(), 'on');
    const heard = [
      { beganMs: 5, endedMs: 9 },
      { beganMs: 12, endedMs: 12 },
    ];
    assert.deepEqual(await made.seen?.(), heard);
    assert.deepEqual(await made.seen?.(), [...heard, ...heard]);
    assert.equal(await made.refusals?.(), 3);
    const mute = target({}).made;
    assert.deepEqual([await mute.seen?.(), await mute.refusals?.()], [[], undefined]);
    assert.deepEqual(await target({ seen: '' }).made.seen?.(), []);
  });

  const odd: readonly (readonly [string, (made: KitTarget) => Promise<unknown> | undefined])[] = [
    ['truth', (made) => made.truth?.()],
    ['seen', (made) => made.seen?.()],
    ['refused', (made) => made.refusals?.()],
    ['misbehave lies', (made) => made.misbehave('lies')],
  ];
  for (const [question, ask] of odd)
    it(`whose answer to "${question}" is none is told of by its file and what was due`, async () => {
      const words = new RegExp(`${FILE} answered "${question}" with "perhaps 1-"; .*was due`);
      await assert.rejects(async () => ask(target({ [question]: 'perhaps 1-' }).made), words);
    });

  it('that does not mend itself is told of', async () => {
    const { made } = target({ 'misbehave lies': 'ok' });
    await made.misbehave('lies');
    await assert.rejects(made.behave(), /answered "misbehave not" with "cannot"/);
  });

  it('that cannot tell the truth is none', async () => {
    await assert.rejects(truthOf(saying({}).device), /answered "truth" with "cannot"; "on" or "off" was due/);
  });
});
