import type { Artefact } from '../core/bundle.ts';
import type { Artefacts } from '../ports/artefacts.ts';
import { BundleUnreadable, type BundleReader, type SeenInFiles, type UnpackedBundle } from '../ports/bundle-reader.ts';
import { ArchiveError } from './archive/archive-error.ts';
import type { ArchiveSource } from './archive/archive-source.ts';
import { readPackage, type PackagedFile, type PackageFinds } from './bundle-package.ts';
import { readInitrd } from './initrd.ts';
import { readKernel } from './kernel-file.ts';

/** Reads bundles' files from the folder of artefacts, and stores there what it takes out of packages. */
export function createBundleReader(artefacts: Artefacts): BundleReader {
  return {
    inspect: (kernel, initrd) => inspect(artefacts, kernel, initrd),
    unpack: async (packages) => {
      try {
        return await unpackAll(artefacts, packages);
      } catch (error) {
        if (error instanceof ArchiveError) throw new BundleUnreadable(error.message, { cause: error });
        throw error;
      }
    },
  };
}

async function withArtefact<T>(
  artefacts: Artefacts,
  artefact: Artefact,
  job: (source: ArchiveSource) => Promise<T>,
): Promise<T> {
  const content = await artefacts.open(artefact.sha256);
  if (!content) throw new BundleUnreadable(`${artefact.name} is not stored any more; upload it again`);
  try {
    const read = (at: number, octets: number): Promise<Uint8Array> => content.read(at, octets);
    return await job({ name: artefact.name, octets: content.octets, read });
  } finally {
    content.close();
  }
}

async function inspect(artefacts: Artefacts, kernel: Artefact, initrd: Artefact | undefined): Promise<SeenInFiles> {
  const { form, release, config } = await withArtefact(artefacts, kernel, readKernel).catch((error: unknown) => {
    if (error instanceof ArchiveError) return { form: 'unknown', release: undefined, config: undefined } as const;
    throw error;
  });
  const seen = { kernelForm: form, kernelRelease: release, config };
  if (!initrd) return { ...seen, initrd: undefined, initrdUnread: undefined };
  try {
    return { ...seen, initrd: await withArtefact(artefacts, initrd, readInitrd), initrdUnread: undefined };
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return { ...seen, initrd: undefined, initrdUnread: error.message };
  }
}

async function unpackAll(artefacts: Artefacts, packages: readonly Artefact[]): Promise<UnpackedBundle> {
  const finds: PackageFinds[] = [];
  for (const each of packages)
    finds.push(await withArtefact(artefacts, each, (source) => readPackage(source, [...finds])));
  const names = packages.map((each) => each.name).join(', ');
  const kernel = onlyOne(
    names,
    'kernel',
    finds.flatMap((each) => each.kernelPaths),
    finds.find((each) => each.kernel)?.kernel,
  );
  if (!kernel) throw new BundleUnreadable(`there is no kernel in ${names}; name the package that has boot/vmlinuz-…`);
  const initrd = onlyOne(
    names,
    'initrd',
    finds.flatMap((each) => each.initrdPaths),
    finds.find((each) => each.initrd)?.initrd,
  );
  const first = <T>(part: (find: PackageFinds) => T | undefined): T | undefined =>
    finds.map(part).find((each) => each !== undefined);
  const namesFrom = (part: (find: PackageFinds) => readonly string[]): readonly string[] | undefined => {
    const all = [...new Set(finds.flatMap(part))].sort();
    return all.length === 0 ? undefined : all;
  };
  return {
    kernel: await keep(artefacts, kernel),
    initrd: initrd && (await keep(artefacts, initrd)),
    arch: first((find) => find.arch),
    version: finds.find((find) => find.kernel)?.version,
    release: first((find) => find.release),
    config: first((find) => find.config),
    modules: namesFrom((find) => find.modules),
    builtIn: namesFrom((find) => find.builtIn),
    source: names,
  };
}

function onlyOne(
  names: string,
  what: string,
  paths: readonly string[],
  found: PackagedFile | undefined,
): PackagedFile | undefined {
  if (paths.length <= 1) return found;
  const listed = paths.join(', ').slice(0, 300);
  throw new BundleUnreadable(`which ${what}? ${names} has ${listed}; import a folder with the right one`);
}

/** Stores a file under a name that loaders and boot texts can carry. */
function keep(artefacts: Artefacts, { path, octets }: PackagedFile): Promise<Artefact> {
  const name = (path.split('/').at(-1) ?? path).replace(/[^A-Za-z0-9._+-]/g, '-').slice(0, 100);
  return artefacts.put(name, pieces(octets), octets.length);
}

async function* pieces(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(octets);
}
