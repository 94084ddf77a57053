import type { Sha256 } from '../core/address.ts';
import { isBundleVersion, type Artefact } from '../core/bundle.ts';
import { BundleUnreadable, type BundleReader, type UnpackedBundle } from '../ports/bundle-reader.ts';
import type { Artefacts } from '../ports/artefacts.ts';
import { FetchError, type FetchUrl } from '../ports/fetch.ts';
import type { ArtefactStore } from '../ports/store.ts';
import { faultOfOrder, type BundleOutcome, type BundleService } from './bundles.ts';
import type { Actor } from './machines.ts';

/** A bundle that is still in its packages. */
export interface ImportOrder {
  readonly name: string;
  /** As the package says, when absent. */
  readonly version: string | undefined;
  readonly arch: string | undefined;
  /** Where its files are: stored packages, or one at a URL. */
  readonly from: { readonly packages: readonly Artefact[] } | { readonly url: string; readonly sha256: Sha256 };
  /** An initrd that is not in the packages. */
  readonly initrd: Artefact | undefined;
  readonly kernelArgs: readonly string[];
  readonly callsHome: boolean;
  readonly needs: readonly string[];
}

/** What importing stands on. */
export interface ImportDeps {
  readonly bundles: BundleService;
  readonly reader: BundleReader;
  readonly artefacts: Pick<Artefacts, 'put'>;
  readonly store: { readonly artefacts: ArtefactStore };
  readonly fetchUrl: FetchUrl;
}

/** Makes a bundle out of Debian packages or a netboot archive. Nothing is visible until all of it was checked. */
export type ImportBundle = (order: ImportOrder, by: Actor) => Promise<BundleOutcome>;

const PACKAGE_OCTETS_MAX = 4 * 1024 ** 3;

/** Builds the importer. */
export function createImportBundle(deps: ImportDeps): ImportBundle {
  let last: Promise<unknown> = Promise.resolve();
  // A kernel and an initrd are held whole while they are taken out: those of one import at a time.
  const unpack = (packages: readonly Artefact[]): Promise<UnpackedBundle> => {
    const turn = last.then(() => deps.reader.unpack(packages));
    last = turn.catch(() => undefined);
    return turn;
  };
  return async (order, by) => {
    // What is wrong with the words is said before a file is fetched or opened.
    const fault = faultOfOrder({ ...order, version: order.version ?? '1', arch: order.arch ?? 'amd64' });
    if (fault) return fault;
    try {
      const packages = 'url' in order.from ? [await fetched(deps, order.from)] : order.from.packages;
      return await addUnpacked(deps, order, packages, await unpack(packages), by);
    } catch (error) {
      if (error instanceof BundleUnreadable) return { is: 'bad-value', field: 'packages', because: error.message };
      if (error instanceof FetchError) return { is: 'bad-value', field: 'url', because: error.message };
      throw error;
    }
  };
}

async function fetched(deps: ImportDeps, from: { readonly url: string; readonly sha256: Sha256 }): Promise<Artefact> {
  const name = /([A-Za-z0-9][A-Za-z0-9._+-]{0,99})(?:[?#].*)?$/.exec(from.url)?.[1] ?? 'package';
  const stream = deps.fetchUrl({ ...from, octetsMax: PACKAGE_OCTETS_MAX });
  const artefact = await deps.artefacts.put(name, stream, PACKAGE_OCTETS_MAX);
  await deps.store.artefacts.add(artefact);
  return artefact;
}

async function addUnpacked(
  { bundles, store }: ImportDeps,
  order: ImportOrder,
  packages: readonly Artefact[],
  found: UnpackedBundle,
  by: Actor,
): Promise<BundleOutcome> {
  const arch = order.arch ?? found.arch;
  if (arch === undefined)
    return { is: 'bad-value', field: 'arch', because: 'the package does not say its architecture; name it' };
  const version = order.version ?? versionOf(found);
  if (version === undefined)
    return { is: 'bad-value', field: 'version', because: 'the package does not say its version; name it' };
  const initrd = order.initrd ?? found.initrd;
  for (const artefact of [found.kernel, ...(found.initrd ? [found.initrd] : [])]) await store.artefacts.add(artefact);
  const { release: kernelRelease, config, modules, builtIn } = found;
  const { name, kernelArgs, callsHome, needs } = order;
  return bundles.add(
    {
      ...{
        name,
        version,
        arch,
        role: 'system',
        kernel: found.kernel,
        initrd,
        kernelArgs,
        loaders: [],
        callsHome,
        needs,
      },
      source: ('url' in order.from ? `${shownUrl(order.from.url)} (${found.source})` : found.source).slice(0, 500),
      known: { kernelRelease, config, modules, builtIn, packages },
    },
    by,
  );
}

/** Everybody may read where a bundle came from, and a query may hold somebody's token. */
const shownUrl = (url: string): string => url.replace(/[?#].*$/s, '');

/** The package's version, without an epoch: `1:6.1-2` and `6.1-2` are the same files. */
function versionOf(found: UnpackedBundle): string | undefined {
  const version = (found.version ?? found.release)?.replace(/^\d+:/, '').replace(/[^A-Za-z0-9.+~_-]/g, '-');
  return version !== undefined && isBundleVersion(version) ? version : undefined;
}
