import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openApt } from '../../agent/apt.ts';
import { newerSources } from '../../agent/apt-sources.ts';
import { fetchLoaders } from '../../agent/loaders.ts';
import { TEST_CACHE } from '../support/agent-boot.ts';
import { inTempFolder } from '../support/archives.ts';

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

/** One file of a package, taken out by Debian's own tools. */
function fileOf(deb: string, path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = { encoding: 'buffer', maxBuffer: 64 << 20 } as const;
    const unpack = execFile('tar', ['-xO', `./${path}`], options, (error, stdout) => {
      if (error) reject(new Error(`tar could not take ${path} out of ${deb}`, { cause: error }));
      else resolve(stdout);
    });
    const pack = execFile('dpkg-deb', ['--fsys-tarfile', deb], options);
    if (pack.stdout && unpack.stdin) pack.stdout.pipe(unpack.stdin);
  });
}

const FILES = [
  ['amd64', 'shim-signed', 'usr/lib/shim/shimx64.efi.signed', 'shimx64.efi'],
  ['amd64', 'grub-efi-amd64-signed', 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', 'grubx64.efi'],
  ['amd64', 'ipxe', 'usr/lib/ipxe/undionly.kpxe', 'undionly.kpxe'],
  ['amd64', 'pxelinux', 'usr/lib/PXELINUX/pxelinux.0', 'pxelinux.0'],
  ['amd64', 'syslinux-common', 'usr/lib/syslinux/modules/bios/ldlinux.c32', 'ldlinux.c32'],
  ['arm64', 'shim-signed', 'usr/lib/shim/shimaa64.efi.signed', 'shimaa64.efi'],
  ['arm64', 'grub-efi-arm64-signed', 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed', 'grubaa64.efi'],
] as const;
/** Debian 12's iPXE has none for arm64. */
const NEWER = [
  ['amd64', 'ipxe', 'usr/lib/ipxe/ipxe-amd64.efi', 'ipxe-amd64.efi'],
  ['arm64', 'ipxe', 'usr/lib/ipxe/ipxe-arm64.efi', 'ipxe-arm64.efi'],
] as const;

describe('Secure Boot (threat model, row 6)', function () {
  this.timeout(300_000);
  for (const arch of ['amd64', 'arm64'] as const)
    it(`shim, GRUB and every other loader are octet for octet those of Debian's packages: ${arch}`, () =>
      inTempFolder(async (folder) => {
        const order = { arch, cacheDir: TEST_CACHE, outDir: join(folder, 'out') };
        const loaders = await fetchLoaders(order);
        const newer = { ...order, cacheDir: join(TEST_CACHE, 'newer'), sources: await newerSources() };
        for (const [files, from] of [
          [FILES, order],
          [NEWER, newer],
        ] as const) {
          const apt = await openApt(from);
          for (const [, name, path, asked] of files.filter(([wanted]) => wanted === arch)) {
            const ours = loaders.find((each) => each.name === asked);
            const deb = await apt.fetch(await apt.find(name));
            assert.equal(sha256(await readFile(ours?.file ?? '')), sha256(await fileOf(deb, path)), asked);
          }
        }
        const names = [...FILES, ...NEWER].filter(([wanted]) => wanted === arch).map(([, , , name]) => name);
        assert.deepEqual(loaders.map((each) => each.name).sort(), names.sort(), 'all of them and no other');
      }));
});
