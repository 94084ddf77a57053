import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { BOOT_DEADLINES, LAYERS, type Verdict } from '../../server/core/boot-verdict.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { VERDICT_RULES, verdictWords } from '../../server/core/verdict.ts';
import { layerOfRefusal } from '../../server/core/verdict-faults.ts';
import { debian, facts, machine, uboot } from './boot-fixtures.ts';
import { allFiles, say, storyOf, verdictAt, type Told } from './boot-teller.ts';

const short = (verdict: Verdict): readonly (string | undefined)[] => [
  verdict.state,
  verdict.rule,
  verdict.layer,
  verdict.lastGood,
];
const LATE = 100_000;

describe('the verdict over a boot', () => {
  const begun = [say.ordered(0), say.seenOn(1)];
  const heard = [...begun, say.dhcp(5, 'DISCOVER', 'OFFER')];
  const addressed = [...heard, say.plan(5), say.address(6)];
  const read = [...addressed, say.config(7)];
  const files = allFiles(10);
  const withInitrd = say.plan(6);
  const noInitrd = Object.fromEntries(Object.entries(withInitrd.detail).filter(([key]) => key !== 'initrd'));
  const bare = [...addressed, { ...withInitrd, detail: noInitrd }, say.config(7), say.kernel(8), say.dtb(9)];

  /** What was told, when it is judged, and the verdict: state, rule, layer, last good step. */
  const cases: readonly (readonly [string, readonly Told[], number, readonly (string | undefined)[]])[] = [
    ['ordered', [say.ordered(0)], 60, ['under way', 'nothing-heard', undefined, 'ordered']],
    ['ordered, never seen on', [say.ordered(0)], 121, ['silent', 'nothing-heard', 'power', 'ordered']],
    ['on, and nothing heard', begun, 122, ['silent', 'nothing-heard', 'network', 'on']],
    [
      'a power order that failed',
      [say.ordered(0), say.powerFailed(4)],
      5,
      ['failed', 'power-failed', 'power', 'ordered'],
    ],
    [
      'an order that was refused before anything was switched, and a flip test, are no end of the boot before',
      [...begun, say.powerRefused(9), say.flipped(10)],
      122,
      ['silent', 'nothing-heard', 'network', 'on'],
    ],
    ['seen off in between', [...heard, say.seenOff(9)], 10, ['failed', 'switched-off', 'power', 'heard']],
    ['offers that nobody takes', heard, 36, ['silent', 'no-address-taken', 'network', 'heard']],
    ['an address and no file', addressed, 37, ['silent', 'no-file-asked', 'firmware', 'addressed']],
    ['a loader and no config', [...addressed, say.loader(8)], 69, ['silent', 'config-not-asked', 'loader', 'loader']],
    [
      'the same loader again and again',
      [...addressed, say.loader(8), say.loader(12)],
      12,
      ['failed', 'loader-not-started', 'loader', 'loader'],
    ],
    ['a config and no kernel', read, 68, ['silent', 'kernel-not-asked', 'loader', 'config']],
    [
      'a refused plan',
      [...heard, say.refused(6, 'its board is not known')],
      6,
      ['failed', 'refused', 'firmware', 'heard'],
    ],
    [
      'what u-boot said on its console',
      [...files, say.console(12, 'loader')],
      13,
      ['failed', 'console-said', 'loader', 'kernel'],
    ],
    [
      'a panic on its console, and what was said first counts',
      [...files, say.console(12, 'kernel'), say.console(13, 'image')],
      14,
      ['failed', 'console-said', 'kernel', 'kernel'],
    ],
    [
      'a console that was wrong about the end',
      [...files, say.console(12, 'kernel'), say.signal(40, 'booted')],
      41,
      ['ended well', 'booted', undefined, 'booted'],
    ],
    [
      'a console that says nothing of an end',
      [...heard, say.console(6, undefined)],
      36,
      ['silent', 'no-address-taken', 'network', 'heard'],
    ],
    ['its own disk', [...heard, say.disk(6)], 6, ['ended well', 'sent-away', undefined, 'heard']],
    [
      'a kernel that is gone',
      [...read, say.kernel(8, { outcome: 'absent', octets: 0 })],
      8,
      ['failed', 'file-not-here', 'kernel', 'config'],
    ],
    [
      'an initrd that is gone',
      [...read, say.kernel(8), say.initrd(9, { outcome: 'absent', octets: 0 })],
      9,
      ['failed', 'file-not-here', 'initrd', 'kernel'],
    ],
    [
      'a transfer that loses blocks',
      [...read, say.kernel(30, { outcome: 'gave-up', octets: 200_000, retransmits: 60 })],
      30,
      ['failed', 'transfer-failed', 'network', 'config'],
    ],
    [
      'a transfer that ends in the middle, without a loss before',
      [...read, say.kernel(30, { outcome: 'gave-up', octets: 9_000_000, retransmits: 5 })],
      30,
      ['failed', 'transfer-failed', 'loader', 'config'],
    ],
    ['a device tree never asked for', files.slice(0, -1), 70, ['silent', 'file-not-asked', 'loader', 'kernel']],
    ['an initrd never asked for', files.slice(0, -2), 69, ['silent', 'file-not-asked', 'initrd', 'kernel']],
    [
      'arguments too long, and on to the next way',
      [...files.slice(0, -1), say.again(10, 300, true)],
      10,
      ['failed', 'loader-went-on', 'loader', 'kernel'],
    ],
    [
      'a bad image: all files, and the firmware at once',
      [...files, say.again(11, 400)],
      11,
      ['failed', 'loader-went-on', 'loader', 'kernel'],
    ],
    [
      'a panic that starts anew',
      [...files, say.again(40, 30_000)],
      40,
      ['failed', 'started-again', 'kernel', 'kernel'],
    ],
    ['all files, then nothing', files, 251, ['silent', 'kernel-silent', 'kernel', 'kernel']],
    [
      'all files, the kernel on the console, then nothing',
      [...files, say.kernelSpeaks(12)],
      251,
      ['silent', 'kernel-silent', 'initrd', 'started'],
    ],
    [
      'a kernel on the console before any was served is not of this boot',
      [...files.slice(0, 2), say.kernelSpeaks(2), ...files.slice(2)],
      251,
      ['silent', 'kernel-silent', 'kernel', 'kernel'],
    ],
    ['no initrd, then nothing', bare, 250, ['silent', 'kernel-silent', 'initrd', 'kernel']],
    [
      'the system has an address and never calls',
      [...files, say.system(20)],
      261,
      ['silent', 'no-call', 'initrd', 'started'],
    ],
    ['the agent stops', [...files, say.system(20), say.step(25)], 626, ['silent', 'agent-stopped', 'initrd', 'called']],
    [
      'calls that cannot be answered',
      [...files, say.system(20), say.signal(22, 'call-failed')],
      22,
      ['failed', 'call-failed', 'initrd', 'started'],
    ],
    [
      'a root file system that never comes',
      [...files, say.signal(20, 'kernel-started')],
      621,
      ['silent', 'image-silent', 'image', 'started'],
    ],
    [
      'a system that starts anew before it is up',
      [...files, say.signal(20, 'kernel-started'), say.again(50, 40_000)],
      50,
      ['failed', 'started-again', 'image', 'started'],
    ],
    ['booted', [...files, say.signal(20, 'booted')], LATE, ['ended well', 'booted', undefined, 'booted']],
    ['facts', [...files, say.step(20), say.facts(30)], LATE, ['ended well', 'facts', undefined, 'booted']],
    [
      'a bundle that does not call home',
      [...files.slice(0, 2), say.plan(2, { callsHome: false }), ...files.slice(3)],
      LATE,
      ['ended well', 'handed-over', undefined, 'kernel'],
    ],
    [
      'a bundle that does not call home, and its kernel on the console',
      [...files.slice(0, 2), say.plan(2, { callsHome: false }), ...files.slice(3), say.kernelSpeaks(12)],
      LATE,
      ['ended well', 'handed-over', undefined, 'started'],
    ],
    [
      'switched by an order',
      [...heard, say.ordered(20, 'off')],
      20,
      ['ended well', 'switched-by-order', undefined, 'heard'],
    ],
  ];
  for (const [name, lines, atS, wanted] of cases)
    it(`${name}: ${wanted.slice(0, 3).join(', ')}`, () => {
      const verdict = verdictAt(atS, lines);
      assert.deepEqual(short(verdict), wanted);
      assert.ok(verdict.cause.length > 8 && !/undefined|NaN/.test(verdictWords(verdict)), verdict.cause);
      const isBad = verdict.state === 'failed' || verdict.state === 'silent';
      assert.equal(verdict.layer !== undefined, isBad, 'a layer is named where it failed, and only there');
      if (isBad) assert.ok(verdict.evidence.length > 0 && verdict.dueMs === undefined);
    });

  it('every signature is shown by a case', () => {
    const shown = new Set(cases.map(([, , , wanted]) => wanted[1]));
    assert.deepEqual(
      VERDICT_RULES.map((rule) => rule.id).filter((id) => !shown.has(id)),
      [],
    );
  });

  it('a deadline that has not passed is told with the time it is due', () => {
    const verdict = verdictAt(50, files);
    assert.deepEqual([verdict.state, verdict.dueMs], ['under way', (10 + BOOT_DEADLINES.callS) * 1000]);
  });

  it('while a file goes out nothing is overdue', () => {
    assert.equal(verdictAt(LATE, read, { isSending: true }).state, 'under way');
    assert.equal(verdictAt(LATE, read).state, 'silent');
  });

  it('a later good step takes an early verdict back', () => {
    const lost = [...read, say.kernel(30, { outcome: 'gave-up', octets: 200_000, retransmits: 60 })];
    assert.equal(verdictAt(30, lost).state, 'failed');
    assert.equal(verdictAt(60, [...lost, say.kernel(60)]).state, 'under way');
    assert.equal(verdictAt(900, [...files, say.facts(899)]).state, 'ended well');
  });

  it('a fault in a file itself comes before what was seen of it, and what was seen stays', () => {
    const fault = { layer: 'kernel', cause: 'the kernel is cut short', remedy: 'import it again' } as const;
    const verdict = verdictAt(400, files, { faults: [fault] });
    assert.deepEqual([verdict.cause, verdict.remedy, verdict.layer], [fault.cause, fault.remedy, 'kernel']);
    assert.match(verdict.others[0] ?? '', /every file went out whole/);
    assert.equal(verdictAt(50, files, { faults: [fault] }).cause === fault.cause, false, 'not while it goes on');
  });

  it('an order to a machine that runs, and "off" half-way of a cycle, say nothing', () => {
    assert.equal(storyOf([say.ordered(0, 'on', 'on')]).ordered, undefined);
    const cycled = storyOf([say.toldOn(0), { ...say.seenOff(1), detail: { verb: 'cycle', state: 'off' } }]);
    assert.deepEqual([cycled.ordered?.id, cycled.seenOff], [1, undefined]);
  });

  it('whatever is told in whatever order, there is one verdict, and it is whole', () => {
    const any = fc.constantFrom(...cases.flatMap(([, lines]) => lines));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 25 }), fc.integer({ min: 0, max: 2000 }), (lines, atS) => {
        const verdict = verdictAt(atS, lines);
        assert.ok(verdict.layer === undefined || LAYERS.includes(verdict.layer));
        assert.ok(verdict.evidence.every((id) => id >= 1 && id <= lines.length));
        assert.equal(verdict.dueMs === undefined || verdict.state === 'under way', true);
      }),
    );
  });
});

describe('the layer of a refusal', () => {
  const because = (change: Partial<Parameters<typeof planBoot>[0]>): string => {
    const plan = planBoot({ ...facts, ...change }, uboot);
    assert.equal(plan.do, 'refuse');
    return plan.because;
  };
  it('follows what planBoot refuses for', () => {
    const { board } = facts;
    assert.ok(board);
    const words = [
      because({ board: { ...board, dtbMissing: 'the device tree x.dtb is not there' } }),
      because({ machine: { ...machine, extraArgs: ['x'.repeat(3000)] } }),
      because({ bundle: undefined }),
      because({ bundle: { ...debian, arch: 'amd64' } }),
      because({ board: undefined }),
    ];
    assert.deepEqual(words.map(layerOfRefusal), ['kernel', 'loader', 'image', 'image', 'firmware']);
  });
});
