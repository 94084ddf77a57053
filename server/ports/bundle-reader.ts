import type { Artefact } from '../core/bundle.ts';
import type { BundleContents } from '../core/bundle-contents.ts';

/** A package or archive that cannot be taken in; the message says why and what can be done. */
export class BundleUnreadable extends Error {
  override readonly name = 'BundleUnreadable';
}

/** What the packages of a kernel hold; kernel and initrd are stored as artefacts already. */
export interface UnpackedBundle {
  readonly kernel: Artefact;
  readonly initrd: Artefact | undefined;
  /** As the package says; nothing when it does not. */
  readonly arch: string | undefined;
  readonly version: string | undefined;
  /** What `uname -r` will say, from the file names. */
  readonly release: string | undefined;
  readonly config: readonly string[] | undefined;
  readonly modules: readonly string[] | undefined;
  readonly builtIn: readonly string[] | undefined;
  /** Where it came from, in words. */
  readonly source: string;
}

/** What can be read off kernel and initrd themselves. */
export type SeenInFiles = Pick<BundleContents, 'kernelForm' | 'kernelRelease' | 'config' | 'initrd' | 'initrdUnread'>;

/** Looks into stored kernels, initrds and packages. Nothing of them is ever run or written by its own name. */
export interface BundleReader {
  /** Takes kernel and initrd out of packages. @throws BundleUnreadable for damage, hostility and bombs */
  unpack(packages: readonly Artefact[]): Promise<UnpackedBundle>;
  /** Looks into a kernel and an initrd; what cannot be read is said, not thrown. */
  inspect(kernel: Artefact, initrd: Artefact | undefined): Promise<SeenInFiles>;
}
