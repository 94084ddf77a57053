import { strict as assert } from 'node:assert';
import type { BootPlan, BootRequest } from '../../server/core/boot-plan.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { firstFile } from '../../server/core/loader-file.ts';
import { facts, uboot, uefi } from './boot-fixtures.ts';

const boot = planBoot(facts, uboot);

const cases: readonly (readonly [string, Partial<BootRequest>, string | undefined])[] = [
  ['u-boot arm64', { clientArch: 22 }, 'boot.scr.uimg'],
  ['u-boot armhf', { clientArch: 21 }, 'boot.scr.uimg'],
  ['a BIOS PXE ROM', { clientArch: 0, systemUuid: 'u' }, 'undionly.kpxe'],
  ['iPXE on a BIOS', { clientArch: 0, userClass: 'iPXE', systemUuid: 'u' }, 'boot.ipxe'],
  ['iPXE on UEFI', { clientArch: 7, userClass: 'iPXE', systemUuid: 'u' }, 'boot.ipxe'],
  ['UEFI x64', { clientArch: 7, systemUuid: 'u' }, 'shimx64.efi'],
  ['UEFI x64 by its other number', { clientArch: 9, systemUuid: 'u' }, 'shimx64.efi'],
  ['UEFI arm64', { clientArch: 11, systemUuid: 'u' }, 'shimaa64.efi'],
  ["u-boot's EFI step, 2023.01", { clientArch: 11, vendorClass: 'PXEClient:Arch:00011:UNDI:003000' }, undefined],
  ["u-boot's EFI step, 2025.01", { clientArch: 11, vendorClass: 'PXEClient:Arch:0000b:UNDI:003000' }, undefined],
  ["u-boot's EFI step on armhf", { clientArch: 10 }, undefined],
  ['UEFI on armhf, for which nobody signs', { clientArch: 10, systemUuid: 'u' }, undefined],
  ['UEFI HTTP boot', { clientArch: 16, systemUuid: 'u' }, undefined],
  ['a number nobody knows', { clientArch: 999 }, undefined],
  ['a booted Linux', { clientArch: undefined }, undefined],
  ['the Raspberry Pi, which passes over it', { clientArch: undefined, loader: 'rpi' }, 'bootcode.bin'],
];

describe('firstFile', () => {
  for (const [title, change, want] of cases)
    it(`${title} gets ${want ?? 'none, and a reason'}`, () => {
      const first = firstFile(boot, { ...uboot, ...change });
      assert.equal(first.file, want);
      assert.ok(first.because.length > 10);
    });

  it('what does not boot from the network gets no file, with the reason of the plan', () => {
    const plans: readonly BootPlan[] = [
      { do: 'local-disk', because: 'its disk' },
      { do: 'ignore', because: 'a stranger' },
      { do: 'refuse', because: 'no DTB', remedy: 'put it there', args: undefined },
    ];
    for (const plan of plans) assert.deepEqual(firstFile(plan, uefi), { file: undefined, because: plan.because });
  });

  it('an unknown number is named', () => {
    assert.match(firstFile(boot, { ...uboot, clientArch: 999 }).because, /option 93 is 999/);
  });
});
