import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { CLIENT_ARCH } from '../../server/core/arch.ts';
import { BOOT_FORMATS, type BootFormat } from '../../server/core/board.ts';
import { LOADER_FILES, parseBootPath } from '../../server/core/boot-path.ts';
import type { BootPlan, BootRequest } from '../../server/core/boot-plan.ts';
import { firstFile, programsOf } from '../../server/core/loader-file.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { facts, uboot, uefi } from './boot-fixtures.ts';

const bootIn = (format: BootFormat): BootPlan => {
  const plan = planBoot(facts, uboot);
  assert.ok(plan.do === 'boot');
  return { ...plan, format };
};

const uuid = { systemUuid: 'u' };
const cases: readonly (readonly [string, Partial<BootRequest>, BootFormat, string | undefined])[] = [
  ['u-boot arm64', { clientArch: 22 }, 'extlinux', 'boot.scr.uimg'],
  ['u-boot armhf', { clientArch: 21 }, 'boot-script', 'boot.scr.uimg'],
  ['u-boot whose board is booted by GRUB', { clientArch: 22 }, 'grub', undefined],
  ['a BIOS PXE ROM', { clientArch: 0, ...uuid }, 'ipxe', 'undionly.kpxe'],
  ['a BIOS PXE ROM on a board for PXELINUX', { clientArch: 0, ...uuid }, 'extlinux', 'pxelinux.0'],
  ['gPXE, which runs no iPXE script', { clientArch: 0, userClass: 'gPXE', ...uuid }, 'ipxe', 'undionly.kpxe'],
  ['iPXE on a BIOS', { clientArch: 0, userClass: 'iPXE', ...uuid }, 'ipxe', 'boot.ipxe'],
  ['iPXE on a BIOS, for PXELINUX', { clientArch: 0, userClass: 'iPXE', ...uuid }, 'extlinux', 'pxelinux.0'],
  ['iPXE on UEFI', { clientArch: 7, userClass: 'iPXE', ...uuid }, 'ipxe', 'boot.ipxe'],
  ['iPXE on UEFI, where PXELINUX cannot run', { clientArch: 7, userClass: 'iPXE', ...uuid }, 'extlinux', undefined],
  ['iPXE on UEFI arm64', { clientArch: 11, userClass: 'iPXE', ...uuid }, 'ipxe', 'boot.ipxe'],
  ['UEFI x64', { clientArch: 7, ...uuid }, 'grub', 'shimx64.efi'],
  ['UEFI x64 by its other number', { clientArch: 9, ...uuid }, 'grub', 'shimx64.efi'],
  ['UEFI arm64', { clientArch: 11, ...uuid }, 'grub', 'shimaa64.efi'],
  ['UEFI x64 on a board for iPXE', { clientArch: 7, ...uuid }, 'ipxe', 'ipxe-amd64.efi'],
  ['UEFI arm64 on a board for iPXE', { clientArch: 11, ...uuid }, 'ipxe', 'ipxe-arm64.efi'],
  ['UEFI on armhf, for which nobody signs', { clientArch: 10, ...uuid }, 'grub', undefined],
  ['UEFI on armhf, for which nobody builds iPXE', { clientArch: 10, ...uuid }, 'ipxe', undefined],
  ['HTTP boot x64', { clientArch: 16, ...uuid }, 'ipxe', 'http://10.77.0.1:5240/boot/ipxe-amd64.efi'],
  ['HTTP boot arm64', { clientArch: 19, ...uuid }, 'ipxe', 'http://10.77.0.1:5240/boot/ipxe-arm64.efi'],
  ['HTTP boot i386, for which nobody builds iPXE', { clientArch: 15, ...uuid }, 'ipxe', undefined],
  ["u-boot's EFI step, 2023.01", { clientArch: 11, vendorClass: 'PXEClient:Arch:00011' }, 'grub', 'grubaa64.efi'],
  ["u-boot's EFI step, 2025.01", { clientArch: 11, vendorClass: 'PXEClient:Arch:0000b' }, 'grub', 'grubaa64.efi'],
  ["u-boot's EFI step on a board that reads no grub", { clientArch: 11 }, 'extlinux', undefined],
  ["u-boot's EFI step on armhf, without a GRUB", { clientArch: 10 }, 'grub', undefined],
  ['a number nobody knows', { clientArch: 999 }, 'grub', undefined],
  ['a booted Linux', { clientArch: undefined }, 'extlinux', undefined],
  ['the Raspberry Pi, which passes over it', { clientArch: undefined, loader: 'rpi' }, 'rpi', 'bootcode.bin'],
];

describe('firstFile', () => {
  for (const [title, change, format, want] of cases)
    it(`${title} gets ${want ?? 'none, and a reason'}`, () => {
      const first = firstFile(bootIn(format), { ...uboot, ...change });
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
    assert.match(firstFile(bootIn('grub'), { ...uboot, clientArch: 999 }).because, /option 93 is 999/);
  });

  const anyArch = fc.constantFrom(...Object.keys(CLIENT_ARCH).map(Number));
  const anyUuid = fc.option(fc.constant('u'), { nil: undefined });
  it('iPXE is never chained twice: nobody with its user class is handed iPXE, whatever else it says', () => {
    const anyFormat = fc.constantFrom(...BOOT_FORMATS);
    const anyClass = fc.constantFrom('iPXE', '\u0004iPXE');
    fc.assert(
      fc.property(anyArch, anyUuid, anyFormat, anyClass, (clientArch, systemUuid, format, userClass) => {
        const { file } = firstFile(bootIn(format), { ...uboot, clientArch, systemUuid, userClass });
        assert.ok(file === undefined || file === 'boot.ipxe' || file === 'pxelinux.0', file);
      }),
    );
  });

  it('every file that is named is one that is served, over HTTP too', () => {
    fc.assert(
      fc.property(anyArch, anyUuid, fc.constantFrom(...BOOT_FORMATS), (clientArch, systemUuid, format) => {
        const { file } = firstFile(bootIn(format), { ...uboot, clientArch, systemUuid });
        if (file === undefined) return;
        const path = file.startsWith('http:') ? new URL(file).pathname : file;
        assert.notEqual(parseBootPath(path).is, 'unknown', path);
      }),
    );
  });
});

describe('programsOf', () => {
  it('names what a first file fetches by itself, and nothing that is not served', () => {
    assert.deepEqual(programsOf('shimx64.efi'), ['shimx64.efi', 'grubx64.efi']);
    assert.deepEqual(programsOf('pxelinux.0'), ['pxelinux.0', 'ldlinux.c32']);
    assert.deepEqual(programsOf('http://10.77.0.1:5240/boot/ipxe-arm64.efi'), ['boot/ipxe-arm64.efi']);
    assert.deepEqual(programsOf(undefined), []);
    for (const name of LOADER_FILES)
      for (const each of programsOf(name)) assert.equal(parseBootPath(each).is, 'loader', each);
  });
});
