import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { dtbFromDeb } from '../../agent/board-dtb.ts';
import {
  bundleFromDebianNetboot,
  bundleFromFolder,
  type BundleSource,
  type FolderOrder,
} from '../../agent/bundle-source.ts';
import type { BundleFiles, CliWork, FolderImport } from '../cli/deps.ts';

export { dtbInFolder } from '../../agent/board-dtb.ts';

/** The files of a bundle in a folder of this host. */
export async function folderFiles({ version, kernel, initrd, args, ...rest }: FolderImport): Promise<BundleFiles> {
  // An absent field is left out: for the importer it is not one that is undefined.
  const order: FolderOrder = {
    ...rest,
    ...(version === undefined ? {} : { version }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(initrd === undefined ? {} : { initrd }),
    ...(args === undefined ? {} : { args }),
  };
  return withoutLoaders(await bundleFromFolder(order));
}

/** Debian's network installer of an architecture, fetched unless it is in the cache. */
export async function debianFiles(order: Parameters<typeof bundleFromDebianNetboot>[0]): Promise<BundleFiles> {
  return withoutLoaders(await bundleFromDebianNetboot(order));
}

/** The device tree of a kernel package, laid into the cache. */
export async function dtbFile(
  cacheDir: string,
  ...[file, wanted]: Parameters<CliWork['dtbFromDeb']>
): ReturnType<CliWork['dtbFromDeb']> {
  const { octets, ...words } = await dtbFromDeb(file, wanted);
  const folder = join(cacheDir, 'dtbs');
  await mkdir(folder, { recursive: true });
  const laid = join(folder, basename(wanted.path));
  await writeFile(laid, octets);
  return { file: laid, ...words };
}

const withoutLoaders = (source: BundleSource): BundleFiles => ({ ...source, loaders: [] });
