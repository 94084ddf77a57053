import type { AgentExtras } from '../../agent/extras.ts';
import type { Clock } from '../ports/clock.ts';

/** The terminal, the pipes and the environment, as far as commands may touch them. */
export interface Terminal {
  /** Data, and nothing else. */
  writeOut(text: string): void;
  /** Words for people. */
  writeErr(text: string): void;
  /** Whether escape codes may be written to the data stream: a terminal, and NO_COLOR is not set. */
  readonly colour: boolean;
  /** Whether a person can be asked. */
  readonly canAsk: boolean;
  /** Asks without showing what is typed. */
  askSecret(question: string): Promise<string>;
  /** All of standard input, as text. */
  readStdin(): Promise<string>;
  /** Octets as they are; resolves when they have been taken. */
  writeOctets(octets: Uint8Array): Promise<void>;
  /**
   * Gives every key as it is typed, Ctrl-C included, until the answer is called, which puts the terminal back as it was.
   * Absent where there is no terminal. `gone`: it went away.
   */
  readonly takeKeys?: (heard: (octets: Uint8Array) => void, gone: () => void) => () => void;
}

/** Files of a bundle on this host, ready to be uploaded. */
export interface BundleFiles {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly role: 'agent' | 'system';
  readonly kernelFile: string;
  readonly initrdFile: string | undefined;
  readonly kernelArgs: readonly string[];
  readonly loaders: readonly { readonly name: string; readonly file: string }[];
  /** The text of the kernel's configuration, and the names of its modules, where a folder has them. */
  readonly config?: string | undefined;
  readonly modules?: readonly string[] | undefined;
  /** Where it came from, in words. */
  readonly source: string;
}

/** A bundle in a folder; names of files that are left out are looked for. */
export interface FolderImport {
  readonly folder: string;
  readonly name: string;
  readonly arch: string;
  readonly version: string | undefined;
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly args: readonly string[] | undefined;
}

/** The architectures Debian's packages are fetched for. */
export const PACKAGED_ARCHES = ['amd64', 'arm64', 'armhf'] as const;
export type PackagedArch = (typeof PACKAGED_ARCHES)[number];

/** A driver to be written: an executable in shell, or a module. */
export interface DriverDraft {
  readonly name: string;
  readonly folder: string;
  readonly language: 'shell' | 'js';
}

/** Says what is under way, a line at a time. */
export type Say = (words: string) => void;

/** What the commands do beyond calling the API; wired by the composition root. */
export interface CliWork {
  serve(options: { readonly config: string | undefined; readonly force: boolean }): Promise<void>;
  demo(options: { readonly boards: number | undefined; readonly qemu: boolean; readonly port: number }): Promise<void>;
  bundleFromFolder(order: FolderImport): Promise<BundleFiles>;
  bundleFromDebian(arch: PackagedArch, say: Say): Promise<BundleFiles>;
  buildAgent(arch: PackagedArch, say: Say, extras: AgentExtras): Promise<BundleFiles>;
  /** The device tree of a kernel package, laid into a file of this host. */
  dtbFromDeb(
    file: string,
    wanted: { readonly path: string },
  ): Promise<{ readonly file: string; readonly source: string }>;
  /** Writes a working driver to start from; the answer is its file. Throws when there is one already. */
  newDriver(order: DriverDraft): Promise<string>;
  /** Where a device tree lies in a folder. */
  dtbInFolder(folder: string, wanted: { readonly path: string }): Promise<string>;
}

/** All that the command line stands on. */
export interface CliDeps {
  readonly version: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly work: CliWork;
  /** Tried in this order when no `--socket` and no `--config` is given. */
  readonly configFiles: readonly string[];
  /** The socket when there is no config file either: the demo's. */
  readonly demoSocket: string;
}
