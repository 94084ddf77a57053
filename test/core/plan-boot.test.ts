import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { STATES } from '../../server/core/lifecycle.ts';
import type { BootFacts, BootPlan, BootRequest } from '../../server/core/boot-plan.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { recipeKey, type Derived } from '../../server/core/recipe.ts';
import { octetsOf } from '../../server/core/kernel-args.ts';
import {
  agent,
  artefact,
  debian,
  digestOf,
  facts,
  machine,
  MAC,
  pcBoard,
  uboot,
  ubootBoard,
  uefi,
} from './boot-fixtures.ts';

const stranger: BootFacts = { ...facts, machine: undefined };
const withMachine = (change: Partial<typeof machine>): BootFacts => ({ ...facts, machine: { ...machine, ...change } });
const pc: BootFacts = {
  ...facts,
  board: pcBoard,
  agent: { ...agent, arch: 'amd64' },
  bundle: { ...debian, arch: 'amd64' },
};
const textOf = (plan: BootPlan): string =>
  plan.do === 'boot' ? plan.args.text : plan.do === 'refuse' ? `${plan.because} | ${plan.remedy}` : plan.because;

const textOfReason = (plan: BootPlan): string => plan.because;

/** One extra word that makes the finished arguments exactly so many octets, as the u-boot board measures them. */
function filledTo(octets: number, format: 'extlinux' | 'boot-script'): BootPlan {
  const bare = planBoot(facts, { ...uboot, format: 'extlinux' });
  assert.equal(bare.do, 'boot');
  const room = octets - octetsOf(bare.args.text) - 1;
  return planBoot(withMachine({ extraArgs: ['x'.repeat(room)] }), { ...uboot, format });
}

describe("u-boot's EFI step", () => {
  const [loader] = ubootBoard.loaders;
  const withGrub = { ...ubootBoard, loaders: [{ ...loader!, formats: [...loader!.formats, 'grub' as const] }] };
  const step: BootRequest = { ...uboot, clientArch: 11, vendorClass: 'PXEClient:Arch:00011:UNDI:003000' };
  const formatOf = (plan: BootPlan): string => (plan.do === 'boot' ? plan.format : plan.because);

  it("is told in GRUB's words, though its board prefers others for u-boot itself", () => {
    assert.equal(formatOf(planBoot({ ...facts, board: withGrub }, step)), 'grub');
    assert.equal(formatOf(planBoot({ ...facts, board: withGrub }, uboot)), 'extlinux');
    assert.equal(formatOf(planBoot({ ...facts, board: withGrub }, { ...step, format: 'grub' })), 'grub');
  });

  it('on a board that reads no grub it is no refusal: u-boot has had its script', () => {
    assert.equal(formatOf(planBoot(facts, step)), 'extlinux');
  });
});

describe('PXELINUX', () => {
  const loaders = [{ loader: 'pxe-bios', formats: ['extlinux'], argOctetsMax: { extlinux: 2046 } }] as const;
  const bios: BootRequest = { ...uefi, clientArch: 0 };
  const octetsIn = (bundle: BootFacts['bundle']): number | undefined => {
    const plan = planBoot({ ...pc, board: { ...pcBoard, loaders }, bundle }, bios);
    return plan.do === 'boot' ? plan.args.limits[0]!.octets - octetsOf(plan.args.text) : undefined;
  };

  it('is measured with the paths it adds to the words: that of the kernel, and of the initrd where there is one', () => {
    const kernel = 'BOOT_IMAGE=boot/a1a1a1a1a1a1a1a1/linux ';
    const initrd = 'initrd=boot/b2b2b2b2b2b2b2b2/initrd.gz ';
    assert.equal(octetsIn(pc.bundle), kernel.length + initrd.length);
    assert.equal(octetsIn(pc.bundle && { ...pc.bundle, initrd: undefined }), kernel.length);
  });
});

const cases: readonly (readonly [string, BootFacts, BootRequest, BootPlan['do'], RegExp])[] = [
  [
    'a stranger gets the agent where strangers are enlisted',
    stranger,
    uboot,
    'boot',
    /farrier\.token=0123456789abcdef/,
  ],
  [
    'a stranger is left alone where strangers are ignored',
    { ...stranger, unknown: 'ignore' },
    uboot,
    'ignore',
    /ignores/,
  ],
  [
    'a stranger boots its disk where policy says so',
    { ...stranger, unknown: 'local-disk' },
    uboot,
    'local-disk',
    /disk/,
  ],
  [
    'a machine met but not accepted gets the agent too',
    withMachine({ state: 'new' }),
    uboot,
    'boot',
    /farrier\.url=http:\/\/10\.77\.0\.1:5240 /,
  ],
  [
    'no agent for its architecture names the command',
    { ...stranger, agent: undefined },
    uboot,
    'refuse',
    /farrier agent build --arch arm64/,
  ],
  [
    'no agent and nothing known of the architecture',
    { ...stranger, agent: undefined, board: undefined },
    { ...uboot, clientArch: undefined },
    'refuse',
    /architecture/,
  ],
  [
    'an agent for another architecture is refused',
    { ...stranger, agent: { ...agent, arch: 'armhf' } },
    uboot,
    'refuse',
    /agent@1 is for armhf.*farrier agent build --arch arm64/,
  ],
  [
    'a ready machine boots its bundle',
    facts,
    uboot,
    'boot',
    /^quiet console=ttyAMA0,115200 BOOTIF=01-52-54-00-12-34-56$/,
  ],
  ['a deployed machine with a bundle boots it', withMachine({ state: 'deployed' }), uboot, 'boot', /quiet/],
  [
    'without a bundle a ready machine boots its disk',
    withMachine({ bundle: undefined }),
    uboot,
    'local-disk',
    /no bundle/,
  ],
  [
    'an assigned bundle that is gone is refused',
    { ...facts, bundle: undefined },
    uboot,
    'refuse',
    /debian@12 is not there/,
  ],
  ['a broken machine boots its disk', withMachine({ state: 'broken' }), uboot, 'local-disk', /broken/],
  ['a retired machine boots its disk', withMachine({ state: 'retired' }), uboot, 'local-disk', /retired/],
  ['a commissioning machine gets the agent', withMachine({ state: 'commissioning' }), uboot, 'boot', /farrier\.token/],
  ['a machine of no known board is refused', { ...facts, board: undefined }, uboot, 'refuse', /board is not known/],
  [
    'a bundle of another architecture is refused',
    { ...facts, bundle: { ...debian, arch: 'amd64' } },
    uboot,
    'refuse',
    /debian@12 is for amd64.*assign a bundle for arm64/,
  ],
  [
    'firmware of another architecture than the board is refused',
    facts,
    { ...uboot, clientArch: 21 },
    'refuse',
    /firmware is armhf/,
  ],
  [
    'a loader the board does not have is refused',
    { ...pc, board: { ...pcBoard, loaders: [] } },
    uefi,
    'refuse',
    /uefi asks/,
  ],
  ['a format the board does not read is refused', facts, { ...uboot, format: 'grub' }, 'refuse', /reads no grub/],
  [
    'a named DTB that is missing is refused with the file',
    { ...facts, board: { ...ubootBoard, dtbMissing: 'apm-mustang.dtb is not in dtbs/apm-mustang' } },
    uboot,
    'refuse',
    /apm-mustang\.dtb is not in.*beside dtbs\/bench-uboot\/board\.yaml/,
  ],
  [
    "a machine's own DTB that is missing is refused",
    withMachine({ dtb: digestOf('cc') }),
    uboot,
    'refuse',
    /own DTB cccccccccccccccc is not there/,
  ],
  [
    'a word with a newline is refused by name',
    withMachine({ extraArgs: ['a=1\ninit=/bin/sh'] }),
    uboot,
    'refuse',
    /"a=…" \(machine\).*control character/,
  ],
  [
    '32 words the kernel does not know are refused',
    withMachine({ extraArgs: Array.from({ length: 31 }, (_, n) => `w${n}=1`) }),
    uboot,
    'refuse',
    /need 32 words.*holds 31/,
  ],
  [
    '31 of them boot',
    withMachine({ extraArgs: Array.from({ length: 30 }, (_, n) => `w${n}=1`) }),
    uboot,
    'boot',
    /w29=1/,
  ],
  [
    'a file name that no path can hold is refused',
    { ...facts, bundle: { ...debian, kernel: artefact('a b;c', 'a1') } },
    uboot,
    'refuse',
    /named "a b;c"/,
  ],
];

describe('planBoot', () => {
  for (const [title, given, request, want, words] of cases)
    it(title, () => {
      const plan = planBoot(given, request);
      assert.equal(plan.do, want, JSON.stringify(plan));
      assert.match(textOf(plan), words);
    });

  it("a machine's own DTB goes before its board's", () => {
    const dtb = { name: 'board.dtb', sha256: digestOf('dd'), octets: 9, source: '', licence: '' };
    const board = { ...ubootBoard, dtb };
    const plain = planBoot({ ...facts, board }, uboot);
    assert.equal(plain.do === 'boot' && plain.dtb?.name, 'board.dtb');
    const own = artefact('own.dtb', 'cc');
    const plan = planBoot({ ...withMachine({ dtb: own.sha256 }), board, machineDtb: own }, uboot);
    assert.equal(plan.do === 'boot' && plan.dtb?.name, 'own.dtb');
  });

  describe('with overlays on the machine', () => {
    const dtb = { name: 'board.dtb', sha256: digestOf('dd'), octets: 9, source: '', licence: '' };
    const board = { ...ubootBoard, dtb };
    const [uart, i2c] = [artefact('uart.dtbo', 'ee'), artefact('i2c.dtbo', 'ff')];
    const given: BootFacts = {
      ...withMachine({ overlays: [i2c.sha256, uart.sha256] }),
      ...{ board, machineOverlays: [uart, i2c] },
    };
    const needs = (plan: BootPlan) => (plan.do === 'refuse' ? plan.needs?.[0] : undefined);
    const withMade = (facts: BootFacts, made: Derived): BootPlan => {
      const recipe = needs(planBoot(facts, uboot));
      assert.ok(recipe, 'nothing is to be made');
      return planBoot({ ...facts, derived: new Map([[recipeKey(recipe), made]]) }, uboot);
    };

    it("they are merged into its board's DTB in the order of the machine, and that is what is served", () => {
      const recipe = needs(planBoot(given, uboot));
      const from = { name: 'board.dtb', sha256: digestOf('dd'), octets: 9 };
      assert.deepEqual(recipe, { make: 'merged', from, overlays: [i2c, uart] });
      const merged = artefact('board.dtb', 'ab');
      const plan = withMade(given, { is: 'there', artefact: merged });
      assert.deepEqual(plan.do === 'boot' && plan.dtb, merged);
    });

    it('or into its own', () => {
      const own = artefact('own.dtb', 'cc');
      const facts = { ...given, machine: { ...given.machine!, dtb: own.sha256 }, machineDtb: own };
      const recipe = needs(planBoot(facts, uboot));
      assert.deepEqual(recipe?.make === 'merged' && recipe.from, own);
    });

    it('a label the DTB does not have is a refusal in the words of the merge', () => {
      const plan = withMade(given, { is: 'failed', because: 'the overlay i2c.dtbo: the label "i2c7" is missing' });
      assert.equal(
        textOfReason(plan),
        'its device tree with its overlays could not be made: the overlay i2c.dtbo: the label "i2c7" is missing',
      );
    });

    it('one that is gone, and a machine without any DTB, are refused with the remedy', () => {
      assert.equal(
        textOf(planBoot({ ...given, machineOverlays: [i2c] }, uboot)),
        'its overlay eeeeeeeeeeeeeeee is not there | give it again, or take it off the machine',
      );
      assert.match(
        textOf(planBoot({ ...given, board: ubootBoard }, uboot)),
        /neither it nor board "bench-uboot" has a DTB/,
      );
    });
  });

  it('words stand in the order site, bundle, board, machine, boot', () => {
    const plan = planBoot(
      {
        ...withMachine({ extraArgs: ['m'] }),
        siteArgs: ['s'],
        board: { ...ubootBoard, kernelArgs: ['b'], earlycon: 'pl011,0x9000000' },
      },
      uboot,
    );
    assert.equal(plan.do, 'boot');
    assert.deepEqual(
      plan.args.words.map((each) => each.origin),
      ['site', 'bundle', 'board', 'board', 'board', 'machine', 'boot'],
    );
    assert.equal(
      plan.args.text,
      's quiet b console=ttyAMA0,115200 earlycon=pl011,0x9000000 m BOOTIF=01-52-54-00-12-34-56',
    );
  });

  it('arguments that just fill the u-boot buffer boot', () => {
    const plan = filledTo(255, 'extlinux');
    assert.equal(plan.do, 'boot');
    assert.equal(octetsOf(plan.args.text), 255);
  });

  it('one octet more is refused with the count and the costly words, not cut', () => {
    const plan = filledTo(256, 'extlinux');
    assert.equal(plan.do, 'refuse');
    assert.match(
      plan.because,
      /need 256 octets, u-boot's extlinux on board "bench-uboot" holds 255.*x{40} \(199, machine\)/,
    );
    assert.match(plan.remedy, /shorten them by 1 octets/);
    assert.equal(plan.args?.limits[0]?.octets, 256);
  });

  it('too long for extlinux goes by boot script while the loader has not chosen, and says so', () => {
    const extraArgs = ['y'.repeat(300)];
    const plan = planBoot(withMachine({ extraArgs }), uboot);
    assert.equal(plan.do === 'boot' && plan.format, 'boot-script');
    assert.match(plan.because, /boot-script, for kernel arguments need 3\d\d octets/);
    assert.equal(planBoot(withMachine({ extraArgs }), { ...uboot, format: 'extlinux' }).do, 'refuse');
    assert.equal(planBoot(withMachine({ extraArgs: ['y'.repeat(1600)] }), uboot).do, 'refuse');
  });

  it("escaping counts in u-boot's buffer, not in the kernel's", () => {
    const plan = planBoot(withMachine({ extraArgs: ['a=$b'] }), { ...uboot, format: 'extlinux' });
    assert.equal(plan.do, 'boot');
    const [loader, kernel] = plan.args.limits;
    assert.equal((loader?.octets ?? 0) - (kernel?.octets ?? 0), 1);
  });

  it('a word one format cannot carry goes by another', () => {
    const plan = planBoot(withMachine({ extraArgs: ["a='"] }), { ...uboot, format: 'boot-script' });
    assert.equal(plan.do, 'refuse');
    assert.match(plan.because, /"a=…" cannot pass boot-script/);
    assert.equal(planBoot(withMachine({ extraArgs: ["a='"] }), uboot).do, 'boot');
  });

  it('the agent fits 255 octets on an unknown u-boot board', () => {
    const plan = planBoot(
      { ...stranger, board: { ...ubootBoard, earlycon: 'uart8250,mmio32,0x1c020000' } },
      { ...uboot, format: 'extlinux' },
    );
    assert.equal(plan.do, 'boot');
  });

  it("GRUB's BOOT_IMAGE counts, at the limit and one octet over it", () => {
    const fits = (octets: number): BootPlan => {
      const bare = planBoot(pc, uefi);
      assert.equal(bare.do, 'boot');
      const room = octets - (bare.args.limits[0]?.octets ?? 0) - 1;
      return planBoot({ ...pc, machine: { ...machine, extraArgs: ['z'.repeat(room)] } }, uefi);
    };
    const plan = fits(2047);
    assert.equal(plan.do, 'boot');
    assert.equal(octetsOf(`BOOT_IMAGE=/boot/a1a1a1a1a1a1a1a1/linux ${plan.args.text}`), 2047);
    assert.equal(fits(2048).do, 'refuse');
  });

  it('iPXE is given initrd=, and its image name counts under UEFI only', () => {
    const ipxe = planBoot(pc, { ...uefi, userClass: 'iPXE' });
    assert.equal(ipxe.do === 'boot' && ipxe.format, 'ipxe');
    assert.match(textOf(ipxe), / initrd=initrd\.gz BOOTIF/);
    const bios = planBoot(pc, { ...uefi, clientArch: 0, userClass: 'iPXE' });
    assert.ok(ipxe.do === 'boot' && bios.do === 'boot');
    assert.equal((ipxe.args.limits[1]?.octets ?? 0) - (bios.args.limits[1]?.octets ?? 0), 'linux '.length);
  });

  it('a board that needs its DTB is never booted by iPXE, which hands none over', () => {
    const dtb = { name: 'x.dtb', sha256: digestOf('dd'), octets: 9, source: '', licence: '' };
    const plan = planBoot({ ...pc, board: { ...pcBoard, dtb } }, { ...uefi, userClass: 'iPXE' });
    assert.match(textOf(plan), /iPXE hands over no DTB/);
  });

  it("u-boot's EFI step is planned as the u-boot it is", () => {
    const plan = planBoot(facts, { ...uboot, clientArch: 11, vendorClass: 'PXEClient:Arch:0000b:UNDI:003000' });
    assert.equal(plan.do === 'boot' && plan.loader, 'u-boot');
  });

  it('a TFTP request without options is planned with what DHCP last said', () => {
    const firmware = { clientArch: 7, vendorClass: undefined, userClass: undefined };
    const given: BootFacts = { ...pc, machine: { ...machine, firmware } };
    const plan = planBoot(given, { ...uefi, clientArch: undefined, systemUuid: undefined, format: 'grub' });
    assert.equal(plan.do === 'boot' && plan.loader, 'uefi');
  });

  it('beside another DHCP server UEFI boots by iPXE, and by GRUB only with the words what that server must name', () => {
    const beside: BootFacts = { ...pc, isProxied: true };
    const formatOf = (plan: BootPlan): string => (plan.do === 'boot' ? `${plan.loader} ${plan.format}` : plan.do);
    assert.equal(formatOf(planBoot(pc, uefi)), 'uefi grub');
    assert.equal(formatOf(planBoot(beside, uefi)), 'uefi ipxe');
    assert.equal(formatOf(planBoot(beside, { ...uefi, format: 'grub' })), 'uefi grub', 'who asks for it reads it');
    const signed = { ...pcBoard, loaders: pcBoard.loaders.filter((each) => each.loader === 'uefi') };
    const needsTree: BootFacts = {
      ...beside,
      machine: { ...machine, dtb: digestOf('dd') },
      machineDtb: artefact('a.dtb', 'dd'),
    };
    for (const given of [{ ...beside, board: signed }, needsTree]) {
      const plan = planBoot(given, uefi);
      assert.equal(formatOf(plan), 'uefi grub');
      assert.match(textOfReason(plan), /the DHCP server there must name 10\.77\.0\.1 as next-server/);
    }
    assert.doesNotMatch(textOfReason(planBoot(beside, uefi)), /next-server/);
  });

  it('property: no words, states or requests make it throw, cut or lose a word', () => {
    const request = fc.record({
      clientArch: fc.option(fc.nat(40), { nil: undefined }),
      userClass: fc.constantFrom(undefined, 'iPXE'),
      format: fc.constantFrom(undefined, 'extlinux', 'boot-script', 'grub', 'ipxe'),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...STATES),
        fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 6 }),
        request,
        (state, extraArgs, change) => {
          const plan = planBoot(withMachine({ state, extraArgs }), { ...uboot, ...change });
          if (plan.do !== 'boot') return plan.because.length > 0;
          const kept = plan.args.words.filter((each) => each.origin === 'machine').map((each) => each.word);
          assert.deepEqual(kept, extraArgs);
          return plan.args.limits.every((limit) => limit.octets <= limit.octetsMax) && plan.mac === MAC;
        },
      ),
    );
  });
});
