import type { Artefact, Bundle } from '../core/boot-plan.ts';
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
  readonly source: string;
}

export type BundleOutcome =
  | { readonly is: 'done'; readonly bundle: Bundle }
  | { readonly is: 'unknown-bundle'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string };

export interface BundleService {
  list(): Promise<readonly Bundle[]>;
  add(order: BundleOrder, by: Actor): Promise<BundleOutcome>;
  remove(ref: string, by: Actor): Promise<BundleOutcome>;
}
