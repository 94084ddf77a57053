import { kernelAges, type KernelAge } from '../core/kernel-age.ts';
import type { Store } from '../ports/store.ts';

/** Which machines run older kernels than the bundles there are. */
export type KernelReport = () => Promise<readonly KernelAge[]>;

/** Builds the report; it looks at the store each time. */
export function createKernelReport({ store }: { readonly store: Pick<Store, 'machines' | 'bundles'> }): KernelReport {
  return async () => {
    const [machines, bundles, releases] = await Promise.all([
      store.machines.list(),
      store.bundles.list(),
      store.bundles.releases(),
    ]);
    return kernelAges(machines, bundles, releases);
  };
}
