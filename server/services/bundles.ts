import { parseArch } from '../core/arch.ts';
import { bundleRef, type Artefact, type Bundle } from '../core/bundle.ts';
import type { NewEvent } from '../core/event.ts';
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
  readonly source: string;
}

/** How an order about bundles ended. */
export type BundleOutcome =
  | { readonly is: 'done'; readonly bundle: Bundle }
  | { readonly is: 'unknown-bundle'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string };

/** Adds and removes bundles; there is no changing them. */
export interface BundleService {
  list(): Promise<readonly Bundle[]>;
  add(order: BundleOrder, by: Actor): Promise<BundleOutcome>;
  remove(ref: string, by: Actor): Promise<BundleOutcome>;
}

/** Builds the service; an artefact named in an order must be stored already. */
export function createBundleService(deps: {
  readonly store: Pick<Store, 'bundles' | 'artefacts'>;
  readonly clock: Clock;
}): BundleService {
  return {
    list: () => deps.store.bundles.list(),
    add: (order, by) => add(deps, order, by),
    remove: async (ref, by) => {
      const bundle = await deps.store.bundles.byRef(ref);
      if (!bundle) return { is: 'unknown-bundle', because: `there is no bundle "${ref.slice(0, 80)}"` };
      try {
        await deps.store.bundles.remove(ref, [tell(deps.clock, `bundle ${ref} was removed by ${by}`, ref)]);
        return { is: 'done', bundle };
      } catch (error) {
        if (error instanceof Taken) return { is: 'taken', because: error.message };
        throw error;
      }
    },
  };
}

const tell = (clock: Clock, text: string, bundle: string): NewEvent => ({
  atMs: clock.now(),
  kind: 'edit',
  severity: 'note',
  machine: undefined,
  boot: undefined,
  text,
  detail: { bundle },
});

const NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,62}$/;

async function add(
  deps: { readonly store: Pick<Store, 'bundles' | 'artefacts'>; readonly clock: Clock },
  order: BundleOrder,
  by: Actor,
): Promise<BundleOutcome> {
  const arch = parseArch(order.arch);
  if (!arch.ok) return { is: 'bad-value', field: 'arch', because: arch.error };
  if (!NAME.test(order.name))
    return { is: 'bad-value', field: 'name', because: 'use lower-case letters, digits, dots and dashes, at most 63' };
  if (!VERSION.test(order.version))
    return { is: 'bad-value', field: 'version', because: 'use letters, digits and . + ~ _ -, at most 63' };
  const word = order.kernelArgs.find((each) => !isArgWord(each));
  if (word !== undefined)
    return {
      is: 'bad-value',
      field: 'kernelArgs',
      because: `"${word.slice(0, 80)}" cannot be one kernel-argument word`,
    };
  for (const artefact of [order.kernel, ...(order.initrd ? [order.initrd] : []), ...order.loaders])
    if (!(await deps.store.artefacts.bySha256(artefact.sha256)))
      return {
        is: 'bad-value',
        field: artefact.name,
        because: `artefact ${artefact.sha256} is not stored; upload it first`,
      };
  const bundle: Bundle = { ...order, arch: arch.value, createdMs: deps.clock.now() };
  const ref = bundleRef(bundle);
  try {
    await deps.store.bundles.add(bundle, [tell(deps.clock, `bundle ${ref} was imported by ${by}`, ref)]);
    return { is: 'done', bundle };
  } catch (error) {
    if (error instanceof Taken) return { is: 'taken', because: error.message };
    throw error;
  }
}
