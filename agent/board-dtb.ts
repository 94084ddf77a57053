import { DTB_OCTETS_MAX } from '../server/core/dtb-version.ts';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { BuildError } from './build-error.ts';
import { readDeb } from '../server/files/archive/deb.ts';

/** Files and folders that are looked through for one name. */
const ENTRIES_MAX = 100_000;

/** The tree a board names. */
export interface WantedDtb {
  /** Its path below `usr/lib/linux-image-…/` or another folder: `apm/apm-mustang.dtb`, or the name alone. */
  readonly path: string;
}

/** A tree that was found in a package. */
export interface PackagedDtb {
  readonly octets: Uint8Array;
  /** Package file and path in it, in words. */
  readonly source: string;
}

/**
 * The device tree of a Debian kernel package. The whole path counts before the name alone, for packages have moved
 * trees between folders; two of the same name in other folders are refused rather than guessed.
 * @throws BuildError `bad-package`
 */
export async function dtbFromDeb(file: string, wanted: WantedDtb): Promise<PackagedDtb> {
  const found = new Map<string, Uint8Array>();
  const name = basename(wanted.path);
  await readDeb(file, {
    wants: ({ path, octets }) => basename(path) === name && octets <= DTB_OCTETS_MAX,
    take: ({ path }, octets) => found.set(path, octets),
  });
  const path = chosen([...found.keys()], wanted, file);
  const octets = found.get(path) ?? new Uint8Array();
  return { octets, source: `${basename(file)}, file ${path}` };
}

/**
 * Where a device tree lies in a folder, which may hold one folder for each maker as kernels' do.
 * @throws BuildError `bad-package` when it is not there, or is there twice
 */
export async function dtbInFolder(folder: string, wanted: WantedDtb): Promise<string> {
  const root = resolve(folder);
  const names = await readdir(root, { recursive: true }).catch((cause: unknown) => {
    throw new BuildError('bad-package', `cannot read the folder ${root}`, { cause });
  });
  if (names.length > ENTRIES_MAX)
    throw new BuildError('bad-package', `${root} holds more than ${ENTRIES_MAX} files; name the folder of the trees`);
  const name = basename(wanted.path);
  const file = join(
    root,
    chosen(
      names.filter((each) => basename(each) === name),
      wanted,
      root,
    ),
  );
  if ((await stat(file)).size > DTB_OCTETS_MAX)
    throw new BuildError('bad-package', `${file} is too large to be a device tree`);
  return file;
}

function chosen(paths: readonly string[], { path }: WantedDtb, where: string): string {
  const exact = paths.filter((each) => each === path || each.endsWith(`/${path}`));
  const [first, second] = exact.length > 0 ? exact : paths;
  if (first === undefined)
    throw new BuildError(
      'bad-package',
      `${where} holds no ${basename(path)}; name another, or the tree itself with --file`,
    );
  if (second !== undefined)
    throw new BuildError('bad-package', `${where} holds ${first} and ${second}; take the right one with --file`);
  return first;
}
