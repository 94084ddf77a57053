import { strict as assert } from 'node:assert';
import { STATES, type State } from '../../server/core/lifecycle.ts';
import type { BootFacts, BootRequest } from '../../server/core/boot-plan.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { firstFile } from '../../server/core/loader-file.ts';
import type { Board } from '../../server/core/board.ts';
import { agent, debian, facts, machine, pcBoard, uboot, ubootBoard } from './boot-fixtures.ts';

const armServer: Board = {
  ...pcBoard,
  name: 'bench-arm-server',
  arch: 'arm64',
  kernelFormat: 'Image',
  loaders: [...pcBoard.loaders, { loader: 'uefi-http', formats: ['ipxe'], argOctetsMax: {} }],
};
const efiStepBoard: Board = {
  ...ubootBoard,
  loaders: [{ loader: 'u-boot', formats: ['boot-script', 'grub'], argOctetsMax: { 'boot-script': 1500 } }],
};
const arm32: Board = {
  ...ubootBoard,
  name: 'bench-armhf',
  arch: 'armhf',
  kernelFormat: 'zImage',
  kernelArgOctetsMax: 1023,
};
const UUID = 'daf5ab7e-f6f5-53cd-9583-3dd819d43414';

/** What each firmware was seen to send (QEMU 7.2, Debian 12's firmware), stage by stage of one boot. */
interface Stage {
  readonly says: Partial<BootRequest>;
  readonly file: string | undefined;
}
const boots: readonly (readonly [string, Board, readonly Stage[]])[] = [
  [
    'u-boot 2023.01 arm64, stock: script, then its EFI step',
    ubootBoard,
    [
      { says: { clientArch: 22, vendorClass: 'U-Boot.armv8' }, file: 'boot.scr.uimg' },
      { says: { clientArch: 11, vendorClass: 'PXEClient:Arch:00011:UNDI:003000' }, file: undefined },
    ],
  ],
  [
    'u-boot 2025.01 arm64: its EFI step alone, with hexadecimal digits in option 60',
    ubootBoard,
    [{ says: { clientArch: 11, vendorClass: 'PXEClient:Arch:0000b:UNDI:003000' }, file: undefined }],
  ],
  [
    'the same on a board that reads grub there: script, then GRUB',
    efiStepBoard,
    [
      { says: { clientArch: 22, vendorClass: 'U-Boot.armv8' }, file: 'boot.scr.uimg' },
      { says: { clientArch: 11, vendorClass: 'PXEClient:Arch:0000b:UNDI:003000' }, file: 'grubaa64.efi' },
    ],
  ],
  [
    'u-boot 2023.01 armhf',
    arm32,
    [
      { says: { clientArch: 21, vendorClass: 'U-Boot.armv7' }, file: 'boot.scr.uimg' },
      { says: { clientArch: 10, vendorClass: 'PXEClient:Arch:00010:UNDI:003000' }, file: undefined },
    ],
  ],
  [
    'SeaBIOS with an iPXE ROM: iPXE from the first packet',
    pcBoard,
    [
      {
        says: { clientArch: 0, userClass: 'iPXE', systemUuid: UUID, vendorClass: 'PXEClient:Arch:00000:UNDI:002001' },
        file: 'boot.ipxe',
      },
    ],
  ],
  [
    'a PXE ROM without iPXE: handed iPXE, which then runs its script',
    pcBoard,
    [
      {
        says: { clientArch: 0, systemUuid: UUID, vendorClass: 'PXEClient:Arch:00000:UNDI:002001' },
        file: 'undionly.kpxe',
      },
      { says: { clientArch: 0, userClass: 'iPXE', systemUuid: UUID }, file: 'boot.ipxe' },
    ],
  ],
  [
    'OVMF x64, and iPXE chained on it',
    pcBoard,
    [
      {
        says: { clientArch: 7, systemUuid: UUID, vendorClass: 'PXEClient:Arch:00007:UNDI:003000' },
        file: 'shimx64.efi',
      },
      {
        says: { clientArch: 7, systemUuid: UUID, userClass: 'iPXE', vendorClass: 'PXEClient:Arch:00007:UNDI:003010' },
        file: 'boot.ipxe',
      },
    ],
  ],
  [
    'AAVMF arm64, HTTP boot after PXE has given up, and iPXE chained by it',
    armServer,
    [
      {
        says: { clientArch: 11, systemUuid: UUID, vendorClass: 'PXEClient:Arch:00011:UNDI:003000' },
        file: 'shimaa64.efi',
      },
      {
        says: { clientArch: 19, systemUuid: UUID, vendorClass: 'HTTPClient:Arch:00019:UNDI:003000' },
        file: 'http://10.77.0.1:5240/boot/ipxe-arm64.efi',
      },
      {
        says: { clientArch: 11, systemUuid: UUID, userClass: 'iPXE', vendorClass: 'PXEClient:Arch:00011:UNDI:003010' },
        file: 'boot.ipxe',
      },
    ],
  ],
  [
    'a booted Linux that renews its lease',
    pcBoard,
    [{ says: { clientArch: undefined, vendorClass: 'udhcp 1.35.0' }, file: undefined }],
  ],
];

describe('one boot, stage by stage', () => {
  for (const [title, board, stages] of boots)
    it(title, () => {
      for (const stage of stages) {
        const request = { ...uboot, vendorClass: undefined, clientArch: undefined, ...stage.says };
        const given: BootFacts = { ...facts, board, bundle: { ...debian, arch: board.arch } };
        const plan = planBoot(given, request);
        assert.equal(firstFile(plan, request).file, stage.file, `${JSON.stringify(stage.says)} ${plan.because}`);
      }
    });

  const wants: Readonly<Record<State, 'agent' | 'bundle' | 'disk'>> = {
    new: 'agent',
    commissioning: 'agent',
    testing: 'agent',
    ready: 'bundle',
    allocated: 'bundle',
    deploying: 'agent',
    deployed: 'bundle',
    releasing: 'agent',
    erasing: 'agent',
    'entering-rescue': 'agent',
    rescue: 'agent',
    'leaving-rescue': 'bundle',
    broken: 'disk',
    retired: 'disk',
  };
  for (const state of STATES)
    it(`a machine that is ${state} boots ${wants[state] === 'disk' ? 'its own disk' : `the ${wants[state]}`}`, () => {
      const plan = planBoot({ ...facts, machine: { ...machine, state } }, uboot);
      assert.equal(plan.do === 'boot' ? plan.purpose : plan.do === 'local-disk' ? 'disk' : plan.because, wants[state]);
    });

  it('only the agent is given a token, and it is never part of a reason', () => {
    for (const state of STATES) {
      const plan = planBoot({ ...facts, machine: { ...machine, state, extraArgs: ['x'.repeat(2500)] } }, uboot);
      assert.ok(!plan.because.includes(facts.token));
      if (plan.do === 'refuse') assert.ok(!plan.remedy.includes(facts.token));
      const fitting = planBoot({ ...facts, machine: { ...machine, state } }, uboot);
      const shown = fitting.do === 'boot' && fitting.args.text.includes(facts.token);
      assert.equal(shown, wants[state] === 'agent');
    }
  });

  it('the same facts and request give the same plan, and change neither', () => {
    const before = JSON.stringify([facts, uboot]);
    assert.deepEqual(planBoot(facts, uboot), planBoot(facts, uboot));
    assert.equal(JSON.stringify([facts, uboot]), before);
  });

  it('every format of a board can be asked for by name, and is then the one planned', () => {
    for (const [board, formats] of [
      [ubootBoard, ['extlinux', 'boot-script']],
      [pcBoard, ['grub', 'ipxe']],
    ] as const)
      for (const format of formats) {
        const bundle = { ...agent, arch: board.arch };
        const plan = planBoot({ ...facts, board, bundle }, { ...uboot, clientArch: undefined, format });
        assert.equal(plan.do === 'boot' && plan.format, format);
      }
  });
});
