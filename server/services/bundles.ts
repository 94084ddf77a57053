import { parseArch } from '../core/arch.ts';
import { bundleRef, isBundleName, isBundleVersion, type Artefact, type Bundle } from '../core/bundle.ts';
import { parseNeed, whyLacking, type BundleContents } from '../core/bundle-contents.ts';
import type { NewEvent } from '../core/event.ts';
import type { BundleReader } from '../ports/bundle-reader.ts';
import type { Clock } from '../ports/clock.ts';
import { Taken, type Store } from '../ports/store.ts';
import { isArgWord } from './machine-edit.ts';
import type { Actor } from './machines.ts';

/** What an import names; the artefacts were stored before. */
export interface BundleOrder {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly role: 'agent' | 'system';
  readonly kernel: Artefact;
  readonly initrd: Artefact | undefined;
  readonly kernelArgs: readonly string[];
  readonly loaders: readonly Artefact[];
  /** Whether its system calls when it is up; an agent always does. */
  readonly callsHome: boolean;
  readonly source: string;
  /** `nbd`, `bin:kexec` and the like: without them it is refused. */
  readonly needs: readonly string[];
  /** What came beside the files, from a package or a folder; what is absent is looked for in the files. */
  readonly known: KnownContents;
}

/** What is known of a bundle from beside its kernel and initrd. */
export type KnownContents = Partial<
  Pick<BundleContents, 'kernelRelease' | 'config' | 'modules' | 'builtIn' | 'packages'>
>;

/** How an order about bundles ended. */
export type BundleOutcome =
  | { readonly is: 'done'; readonly bundle: Bundle }
  | { readonly is: 'unknown-bundle'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string };

/** Adds and removes bundles; there is no changing them. */
export interface BundleService {
  list(): Promise<readonly Bundle[]>;
  byRef(ref: string): Promise<Bundle | undefined>;
  /** What is in it; nothing when nobody ever looked. */
  contents(ref: string): Promise<BundleContents | undefined>;
  /** Looks into the files, checks the needs, and only then makes it visible, whole. */
  add(order: BundleOrder, by: Actor): Promise<BundleOutcome>;
  remove(ref: string, by: Actor): Promise<BundleOutcome>;
}

/** What the service stands on. */
export interface BundleServiceDeps {
  readonly store: Pick<Store, 'bundles' | 'artefacts'>;
  readonly reader: Pick<BundleReader, 'inspect'>;
  readonly clock: Clock;
}

/** Builds the service; an artefact named in an order must be stored already. */
export function createBundleService(deps: BundleServiceDeps): BundleService {
  const { bundles } = deps.store;
  return {
    list: () => bundles.list(),
    byRef: (ref) => bundles.byRef(ref),
    contents: (ref) => bundles.contents(ref),
    add: (order, by) => add(deps, order, by),
    remove: async (ref, by) => {
      const bundle = await bundles.byRef(ref);
      if (!bundle) return noBundle(ref);
      try {
        await bundles.remove(ref, [tellOfBundle(deps.clock, `bundle ${ref} was removed by ${by}`, ref)]);
        return { is: 'done', bundle };
      } catch (error) {
        if (error instanceof Taken) return { is: 'taken', because: error.message };
        throw error;
      }
    },
  };
}

/** There is no bundle by that reference. */
export function noBundle(ref: string): Extract<BundleOutcome, { is: 'unknown-bundle' }> {
  const because = `there is no bundle "${ref.slice(0, 120)}"; "farrier bundle list" shows those there are`;
  return { is: 'unknown-bundle', because };
}

/** An event about a bundle. */
export function tellOfBundle(clock: Clock, text: string, bundle: string): NewEvent {
  return {
    ...{ atMs: clock.now(), kind: 'edit', severity: 'note', machine: undefined, boot: undefined, text },
    detail: { bundle },
  };
}

/** Why an order cannot be, by field, before anything is looked into; nothing when it can. */
export function faultOfOrder(
  order: Pick<BundleOrder, 'name' | 'version' | 'arch' | 'kernelArgs' | 'needs'>,
): Extract<BundleOutcome, { is: 'bad-value' }> | undefined {
  const bad = (field: string, because: string) => ({ is: 'bad-value', field, because }) as const;
  const arch = parseArch(order.arch);
  if (!arch.ok) return bad('arch', arch.error);
  if (!isBundleName(order.name)) return bad('name', 'use lower-case letters, digits, dots and dashes, at most 63');
  if (!isBundleVersion(order.version)) return bad('version', 'use letters, digits and . + ~ _ -, at most 63');
  const word = order.kernelArgs.find((each) => !isArgWord(each));
  if (word !== undefined) return bad('kernelArgs', `"${word.slice(0, 80)}" cannot be one kernel-argument word`);
  for (const text of order.needs) {
    const need = parseNeed(text);
    if (!need.ok) return bad('needs', need.error);
  }
  return undefined;
}

async function add(deps: BundleServiceDeps, order: BundleOrder, by: Actor): Promise<BundleOutcome> {
  const fault = faultOfOrder(order);
  if (fault) return fault;
  const arch = parseArch(order.arch);
  if (!arch.ok) return { is: 'bad-value', field: 'arch', because: arch.error };
  for (const artefact of [order.kernel, ...(order.initrd ? [order.initrd] : []), ...order.loaders])
    if (!(await deps.store.artefacts.bySha256(artefact.sha256)))
      return {
        is: 'bad-value',
        field: artefact.name,
        because: `artefact ${artefact.sha256} is not stored; upload it first`,
      };
  const contents = await contentsOf(deps, order);
  const lacking = whyLacking(contents);
  if (lacking !== undefined) return { is: 'bad-value', field: 'needs', because: lacking };
  const { name, version, role, kernel, initrd, kernelArgs, loaders, source } = order;
  const callsHome = order.callsHome || role === 'agent';
  const bundle: Bundle = {
    ...{ name, version, arch: arch.value, role, kernel, initrd, kernelArgs, loaders, callsHome, source },
    createdMs: deps.clock.now(),
  };
  const ref = bundleRef(bundle);
  try {
    await deps.store.bundles.add(
      bundle,
      [tellOfBundle(deps.clock, `bundle ${ref} was imported by ${by}`, ref)],
      contents,
    );
    return { is: 'done', bundle };
  } catch (error) {
    if (error instanceof Taken) return { is: 'taken', because: error.message };
    throw error;
  }
}

async function contentsOf(deps: BundleServiceDeps, order: BundleOrder): Promise<BundleContents> {
  const { known } = order;
  const seen = await deps.reader.inspect(order.kernel, order.initrd);
  return {
    ...seen,
    // The kernel's own word counts before that of a file name beside it.
    kernelRelease: seen.kernelRelease ?? known.kernelRelease,
    config: known.config ?? seen.config,
    modules: known.modules,
    builtIn: known.builtIn,
    needs: order.needs,
    packages: known.packages ?? [],
  };
}
