import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openApt, type AptOrder } from './apt.ts';
import { BuildError } from './build-error.ts';
import { readDeb } from '../server/files/archive/deb.ts';

/** One loader program: the package and path it comes from, and the name firmware asks for. */
interface LoaderSource {
  readonly package: string;
  readonly path: string;
  readonly name: string;
}

/**
 * What an architecture's firmware is given first. shim and GRUB stay as Debian signed them (Secure Boot); u-boot needs
 * nothing. iPXE is for BIOS ROMs that cannot read scripts.
 */
const LOADERS: Readonly<Record<AptOrder['arch'], readonly LoaderSource[]>> = {
  amd64: [
    { package: 'shim-signed', path: 'usr/lib/shim/shimx64.efi.signed', name: 'shimx64.efi' },
    {
      package: 'grub-efi-amd64-signed',
      path: 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
      name: 'grubx64.efi',
    },
    { package: 'ipxe', path: 'usr/lib/ipxe/undionly.kpxe', name: 'undionly.kpxe' },
  ],
  arm64: [
    { package: 'shim-signed', path: 'usr/lib/shim/shimaa64.efi.signed', name: 'shimaa64.efi' },
    {
      package: 'grub-efi-arm64-signed',
      path: 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed',
      name: 'grubaa64.efi',
    },
  ],
  armhf: [],
};

/** A loader program taken out of its package. */
export interface LoaderFile {
  readonly name: string;
  readonly file: string;
  readonly source: string;
}

/** Fetches an architecture's loader programs into `outDir`, unmodified. @throws BuildError */
export async function fetchLoaders(order: AptOrder & { readonly outDir: string }): Promise<readonly LoaderFile[]> {
  const wanted = LOADERS[order.arch];
  if (wanted.length === 0) return [];
  const apt = await openApt(order);
  const outDir = join(order.outDir, `loaders-${order.arch}`);
  await mkdir(outDir, { recursive: true });
  const found: LoaderFile[] = [];
  for (const each of wanted) {
    const deb = await apt.find(each.package);
    const octets = await fileOf(await apt.fetch(deb), each.path);
    const file = join(outDir, each.name);
    await writeFile(file, octets);
    found.push({ name: each.name, file, source: `Debian's ${each.package} ${deb.version}` });
  }
  return found;
}

async function fileOf(deb: string, path: string): Promise<Uint8Array> {
  const found: { octets?: Uint8Array } = {};
  await readDeb(deb, {
    wants: (entry) => entry.kind === 'file' && entry.path === path,
    take: (_entry, octets) => {
      found.octets = Uint8Array.from(octets);
    },
  });
  if (!found.octets) throw new BuildError('bad-package', `${deb} holds no ${path}`);
  return found.octets;
}
