import type { Ipv4 } from '../core/address.ts';
import type { BootDeadlines } from '../core/boot-verdict.ts';
import type { Network } from '../core/lease.ts';

/** A network as configured; `address` is absent until the daemon has read it from the interface. */
export type ConfiguredNetwork = Omit<Network, 'address'> & { readonly address: Ipv4 | undefined };

/** What `farrier.yaml` says, checked. All paths are absolute. */
export interface Config {
  /** The file it was read from. */
  readonly file: string;
  readonly dataDir: string;
  /** The key of the secrets; never inside `dataDir`. */
  readonly keyFile: string;
  readonly http: { readonly address: Ipv4; readonly port: number };
  /** Whether the kernel may cut TFTP windows into packets, where it can. */
  readonly tftp: { readonly segmentation: 'auto' | 'off' };
  /** How much of each machine's console is kept. */
  readonly consoles: { readonly keepMiB: number };
  /** Directly served ones first, in the file's order; then the relayed ones, which have `giaddr` and no interface. */
  readonly networks: readonly ConfiguredNetwork[];
  /** Folders that shadow the shipped boards and drivers. */
  readonly boards: readonly string[];
  readonly powerDrivers: readonly string[];
  /** What the daemon may fetch when an operator names a URL: `http:` at all, and hosts of private networks. */
  readonly fetch: { readonly http: boolean; readonly hosts: readonly string[] };
  /** Kernel-argument words for every machine. */
  readonly siteArgs: readonly string[];
  /** When the next step of a boot is due. */
  readonly bootDeadlines: BootDeadlines;
  /** Every machine is asked for its power state about this often; 0: never by itself. */
  readonly power: { readonly pollS: number };
}

/** Something wrong with the file: where, what, and what to do about it. */
export interface ConfigProblem {
  readonly file: string;
  /** Counted from 1; nothing when the file could not be read at all. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** The place in words: `networks[0].pools[1]`. */
  readonly key: string;
  /** What is wrong, ending in the remedy. */
  readonly words: string;
}

/** `farrier.yaml:7:5: networks[0].adress: unknown key; did you mean "address"?` */
export function formatProblem(problem: ConfigProblem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':');
  return [place, problem.key, problem.words].filter((part) => part !== '').join(': ');
}
