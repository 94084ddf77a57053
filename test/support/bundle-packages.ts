import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeCpio, type CpioEntry } from '../../agent/cpio.ts';
import { judge } from './archives.ts';

/** A kernel as arm64 has them: head, banner, and whatever makes it this one. */
export function pretendKernel(release: string): Buffer {
  const kernel = Buffer.alloc(4096, release);
  kernel.write('MZ', 0, 'latin1');
  kernel.write('ARM\u0064', 0x38, 'latin1');
  kernel.write(`Linux version ${release} (builder@lab) #1 SMP\n\0`, 0x400, 'latin1');
  return kernel;
}

/** An initrd with busybox, a link to it, and modules, packed with gzip behind a plain archive of microcode. */
export function pretendInitrd(programs: readonly string[], modules: readonly string[]): Buffer {
  const file = (path: string, mode: number): CpioEntry => ({ kind: 'file', path, mode, content: Buffer.from(path) });
  const folders = ['bin', 'lib', 'lib/modules'].map((path): CpioEntry => ({ kind: 'folder', path, mode: 0o755 }));
  const early = writeCpio([file('kernel/x86/microcode/GenuineIntel.bin', 0o644)]);
  const main = writeCpio([
    ...folders,
    ...programs.map((name) => file(`bin/${name}`, 0o755)),
    { kind: 'link', path: 'bin/sh', target: 'busybox' },
    ...modules.map((name) => file(`lib/modules/${name}.ko.xz`, 0o644)),
  ]);
  return Buffer.concat([early, Buffer.alloc(512 - (early.length % 512)), gzipSync(main)]);
}

/** Lays files below a folder. */
export async function layFiles(root: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, octets] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), octets);
  }
}

/** A kernel package as Debian builds them, made by dpkg-deb; gives its path. */
export async function kernelDeb(
  folder: string,
  version: string,
  release: string,
  more: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  const root = join(folder, `deb-${version}`);
  const control = `Package: linux-image-${release}\nVersion: ${version}\nArchitecture: arm64\nMaintainer: n <n@example.org>\nDescription: x\n`;
  await layFiles(root, {
    'DEBIAN/control': control,
    [`boot/vmlinuz-${release}`]: pretendKernel(release),
    [`boot/config-${release}`]: 'CONFIG_NFS_ROOT=y\nCONFIG_BLK_DEV_NBD=m\n# CONFIG_ZFS is not set\n',
    [`lib/modules/${release}/modules.builtin`]: 'kernel/kernel/kexec_core.ko\n',
    [`lib/modules/${release}/kernel/drivers/block/nbd.ko`]: 'module',
    [`lib/modules/${release}/kernel/drivers/net/virtio-net.ko.xz`]: 'module',
    [`usr/lib/linux-image-${release}/arm/board.dtb`]: `a device tree of ${version}`,
    ...more,
  });
  await chmod(join(root, 'DEBIAN'), 0o755);
  await symlink('board.dtb', join(root, `usr/lib/linux-image-${release}/arm/other.dtb`));
  const deb = join(folder, `linux-${version}.deb`);
  await judge('dpkg-deb', ['--root-owner-group', '-Znone', '--build', root, deb]);
  return deb;
}
