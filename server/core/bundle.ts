import type { Sha256 } from './address.ts';
import type { Arch } from './arch.ts';

/** A file by content: what is asked for is what is got. */
export interface Artefact {
  /** The name shown in paths: `linux`, `initrd.gz`, `apm-mustang.dtb`. */
  readonly name: string;
  readonly sha256: Sha256;
  readonly octets: number;
}

/** Kernel + initrd + default kernel arguments as one named, immutable thing. */
export interface Bundle {
  readonly name: string;
  readonly version: string;
  readonly arch: Arch;
  /** `agent` bundles are what unknown machines get; `system` ones are assigned by an operator. */
  readonly role: 'agent' | 'system';
  readonly kernel: Artefact;
  readonly initrd: Artefact | undefined;
  readonly kernelArgs: readonly string[];
  /** The architecture's loader programs (shim, GRUB, iPXE), unmodified, by the name firmware asks for. */
  readonly loaders: readonly Artefact[];
  /**
   * Whether its system makes a first call when it is up: only then its kernel arguments carry where to and the boot's
   * token. An agent always does.
   */
  readonly callsHome: boolean;
  /** Where it came from, in words. */
  readonly source: string;
  readonly createdMs: number;
}

/** How a bundle is written: `name@version`. */
export function bundleRef(bundle: Pick<Bundle, 'name' | 'version'>): string {
  return `${bundle.name}@${bundle.version}`;
}

/** A bundle's name: lower-case letters, digits, dots and dashes; no `@` and no `:`, which stand before what follows it. */
export function isBundleName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{0,62}$/.test(name);
}

/** A bundle's version; Debian's are allowed but for their epoch. */
export function isBundleVersion(version: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,62}$/.test(version);
}

/** The path by which loaders fetch an artefact, over TFTP and (with a leading slash) over HTTP alike. */
export function artefactPath(artefact: Artefact): string {
  return `boot/${artefact.sha256.slice(0, 16)}/${artefact.name}`;
}

/** Whether an artefact's name can stand in a path of every format: letters, digits, `. _ + -`, none of . + - in front. */
export function isServableName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}$/.test(name);
}
