import { join } from 'node:path';
import { openApt, type AptOrder } from './apt.ts';
import { newerSources } from './apt-sources.ts';
import { BuildError } from './build-error.ts';
import { readDeb } from '../server/files/archive/deb.ts';
import { writeWhole } from './write-whole.ts';

/** One loader program: the package and path it comes from, and the name firmware asks for. */
interface LoaderSource {
  readonly package: string;
  readonly path: string;
  readonly name: string;
  /** Debian 12 has none: from Debian 13 there, and done without where that cannot be had. */
  readonly isNewer?: true;
}

/**
 * What an architecture's firmware is given first. shim and GRUB stay as Debian signed them (Secure Boot); u-boot needs
 * nothing, and its EFI step the same GRUB. iPXE is for BIOS ROMs, which cannot read scripts, and for UEFI's HTTP boot;
 * PXELINUX for boards that say so.
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
    { package: 'pxelinux', path: 'usr/lib/PXELINUX/pxelinux.0', name: 'pxelinux.0' },
    { package: 'syslinux-common', path: 'usr/lib/syslinux/modules/bios/ldlinux.c32', name: 'ldlinux.c32' },
    { package: 'ipxe', path: 'usr/lib/ipxe/ipxe-amd64.efi', name: 'ipxe-amd64.efi', isNewer: true },
  ],
  arm64: [
    { package: 'shim-signed', path: 'usr/lib/shim/shimaa64.efi.signed', name: 'shimaa64.efi' },
    {
      package: 'grub-efi-arm64-signed',
      path: 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed',
      name: 'grubaa64.efi',
    },
    { package: 'ipxe', path: 'usr/lib/ipxe/ipxe-arm64.efi', name: 'ipxe-arm64.efi', isNewer: true },
  ],
  armhf: [],
};

/** A loader program taken out of its package. */
export interface LoaderFile {
  readonly name: string;
  readonly file: string;
  readonly source: string;
}

/**
 * Fetches an architecture's loader programs into `outDir`, unmodified. `say` is told of those that must be done without.
 * @throws BuildError
 */
export async function fetchLoaders(order: AptOrder & { readonly outDir: string }): Promise<readonly LoaderFile[]> {
  const wanted = LOADERS[order.arch];
  const found = await fetchFrom(
    order,
    wanted.filter((each) => each.isNewer === undefined),
  );
  const newer = await fetchNewer(
    order,
    wanted.filter((each) => each.isNewer),
  );
  return [...found, ...newer];
}

async function fetchNewer(
  order: AptOrder & { readonly outDir: string },
  wanted: readonly LoaderSource[],
): Promise<readonly LoaderFile[]> {
  try {
    const sources = order.sources ?? (await newerSources());
    return await fetchFrom({ ...order, sources, cacheDir: join(order.cacheDir, 'newer') }, wanted);
  } catch (failure) {
    if (!(failure instanceof BuildError)) throw failure;
    const names = wanted.map((each) => each.name).join(', ');
    order.say?.(`without ${names}, so there is no UEFI HTTP boot for ${order.arch}: ${failure.message}`);
    return [];
  }
}

async function fetchFrom(
  order: AptOrder & { readonly outDir: string },
  wanted: readonly LoaderSource[],
): Promise<readonly LoaderFile[]> {
  if (wanted.length === 0) return [];
  const apt = await openApt(order);
  const outDir = join(order.outDir, `loaders-${order.arch}`);
  const found: LoaderFile[] = [];
  for (const each of wanted) {
    const deb = await apt.find(each.package);
    const octets = await fileOf(await apt.fetch(deb), each.path);
    const file = join(outDir, each.name);
    await writeWhole(file, octets);
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
