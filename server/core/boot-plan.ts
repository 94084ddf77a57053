import type { Ipv4, Mac, Sha256 } from './address.ts';
import type { Arch, Loader } from './arch.ts';
import type { Board, BootFormat } from './board.ts';
import type { Artefact, Bundle } from './bundle.ts';
import type { ArgMeasure } from './kernel-args.ts';
import type { KernelForm } from './kernel-form.ts';
import type { BoardFiles } from './kernel-way.ts';
import type { Machine } from './machine.ts';
import type { Derived, Recipe } from './recipe.ts';
import type { EffectiveParameter } from './parameter.ts';

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
  /** As the loader counts it, where it says so. */
  readonly loaderVersion?: string | undefined;
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
  /** The bundle this boot gets in its place, on trial. */
  readonly trial: Bundle | undefined;
  /** A DTB of the machine's own. */
  readonly machineDtb: Artefact | undefined;
  /** Those of the machine's overlays that are stored. */
  readonly machineOverlays?: readonly Artefact[] | undefined;
  /** Site-wide argument words. */
  readonly siteArgs: readonly string[];
  /** What counts for this machine in this boot. */
  readonly parameters: readonly EffectiveParameter[];
  readonly server: { readonly address: Ipv4; readonly httpPort: number };
  /** Whether another DHCP server gives the addresses there (`dhcp: proxy`). */
  readonly isProxied?: boolean;
  /** The one-boot token the agent will show; 32 hexadecimal digits. */
  readonly token: string;
  /** What kernels and initrds are by their first octets, as far as they were looked at. */
  readonly forms?: ReadonlyMap<Sha256, KernelForm> | undefined;
  /** What was made of the stored files for this boot so far, by `recipeKey`. */
  readonly derived?: ReadonlyMap<string, Derived> | undefined;
}

/** The answer to "what does this machine get now". */
export type BootPlan =
  | { readonly do: 'ignore'; readonly because: string }
  | { readonly do: 'local-disk'; readonly because: string }
  | {
      readonly do: 'refuse';
      readonly because: string;
      readonly remedy: string;
      readonly args: ArgMeasure | undefined;
      /** Files that must be made first; with them among the facts the plan may be another. */
      readonly needs?: readonly Recipe[] | undefined;
    }
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
      /** What lies inside the kernel's file instead of beside it. */
      readonly packed: BoardFiles['packed'];
      readonly args: ArgMeasure;
      /** Where the arguments stand: in the format's own text, or in `/chosen/bootargs` of a DTB made for this boot. */
      readonly argsIn: 'format' | 'dtb';
      readonly loadAddresses: Board['loadAddresses'];
      readonly kernelFormat: Board['kernelFormat'];
      readonly server: { readonly address: Ipv4; readonly httpPort: number };
      readonly mac: Mac;
      /** What a Raspberry Pi needs besides: its firmware's files, and the board's own lines of config.txt. */
      readonly rpi?: { readonly firmware: readonly Artefact[]; readonly config: readonly string[] } | undefined;
    };
