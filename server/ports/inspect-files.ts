import type { BootServed, FileFault } from '../core/boot-verdict.ts';

/** Looks for faults in what a boot was served, in the files themselves. */
export interface InspectFiles {
  /** `loader` is the SHA-256 of the loader program that went out last, if one did. */
  faultsOf(served: BootServed, loader: string | undefined): Promise<readonly FileFault[]>;
}
