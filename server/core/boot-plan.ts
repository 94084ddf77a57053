import type { Ipv4, Mac, Sha256 } from './address.ts';
import type { Arch, Loader } from './arch.ts';
import type { Board, BootFormat } from './board.ts';
import type { ArgMeasure } from './kernel-args.ts';
import type { Machine } from './machine.ts';

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
  /** Where it came from, in words. */
  readonly source: string;
  readonly createdMs: number;
}

/** How a bundle is written: `name@version`. */
export function bundleRef(bundle: Pick<Bundle, 'name' | 'version'>): string {
  return `${bundle.name}@${bundle.version}`;
}

/** What to do with machines nobody has accepted. */
export type UnknownPolicy = 'ignore' | 'enlist' | 'local-disk';

/** What one request tells of who asks, whichever protocol it came by. */
export interface BootRequest {
  readonly mac: Mac;
  /** Option 93; later stages of one boot carry what the first one said. */
  readonly clientArch: number | undefined;
  readonly vendorClass: string | undefined;
  readonly userClass: string | undefined;
  readonly systemUuid: string | undefined;
  readonly loader: Loader | undefined;
  readonly arch: Arch | undefined;
  /** The format asked for; nothing while DHCP only names the first file. */
  readonly format: BootFormat | undefined;
}

/** Everything the decision looks at. */
export interface BootFacts {
  readonly machine: Machine | undefined;
  readonly board: Board | undefined;
  readonly unknown: UnknownPolicy;
  /** The agent for the request's architecture, when one has been built. */
  readonly agent: Bundle | undefined;
  /** The bundle assigned to the machine, when it is still there. */
  readonly bundle: Bundle | undefined;
  /** A DTB of the machine's own. */
  readonly machineDtb: Artefact | undefined;
  /** Site-wide argument words. */
  readonly siteArgs: readonly string[];
  readonly server: { readonly address: Ipv4; readonly httpPort: number };
  /** The one-boot token the agent will show; 32 hexadecimal digits. */
  readonly token: string;
}

/** The answer to "what does this machine get now". */
export type BootPlan =
  | { readonly do: 'ignore'; readonly because: string }
  | { readonly do: 'local-disk'; readonly because: string }
  | { readonly do: 'refuse'; readonly because: string; readonly remedy: string; readonly args: ArgMeasure | undefined }
  | {
      readonly do: 'boot';
      readonly because: string;
      readonly purpose: 'agent' | 'bundle';
      readonly bundle: string;
      readonly board: string;
      readonly loader: Loader;
      readonly format: BootFormat;
      readonly kernel: Artefact;
      readonly initrd: Artefact | undefined;
      readonly dtb: Artefact | undefined;
      readonly args: ArgMeasure;
      readonly loadAddresses: Board['loadAddresses'];
      readonly kernelFormat: Board['kernelFormat'];
      readonly server: { readonly address: Ipv4; readonly httpPort: number };
      readonly mac: Mac;
    };

/** The path by which loaders fetch an artefact, over TFTP and (with a leading slash) over HTTP alike. */
export function artefactPath(artefact: Artefact): string {
  return `boot/${artefact.sha256.slice(0, 16)}/${artefact.name}`;
}
