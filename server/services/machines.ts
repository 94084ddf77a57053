import type { Ipv4, Mac } from '../core/address.ts';
import type { LifecycleEvent, RestState } from '../core/lifecycle.ts';
import type { Machine } from '../core/machine.ts';
import type { PowerParameters } from '../ports/power-driver.ts';

/** Who asks, for events: `alice`, `socket`, `demo`. */
export type Actor = string;

/** What an operator may change. An absent field stays, `null` clears. */
export interface MachineEdit {
  readonly name?: string;
  readonly board?: string | null;
  readonly bundle?: string | null;
  readonly extraArgs?: readonly string[];
  readonly reserved?: Ipv4 | null;
  readonly macs?: readonly Mac[];
}

/** How a machine is to be switched; `secrets` go to the vault and are never given back. */
export interface PowerChoice {
  readonly driver: string;
  readonly parameters: PowerParameters;
  readonly secrets: Readonly<Record<string, string>>;
}

export type MachineOutcome =
  | { readonly is: 'done'; readonly machine: Machine }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'not-now'; readonly because: string; readonly lawful: readonly LifecycleEvent[] }
  | { readonly is: 'taken'; readonly because: string };

/** What people do with machines. `ref` is a name, a MAC, an id or a unique beginning of a name. */
export interface MachineService {
  find(ref: string): Promise<Machine | undefined>;
  accept(ref: string, edit: MachineEdit, by: Actor): Promise<MachineOutcome>;
  edit(ref: string, edit: MachineEdit, by: Actor): Promise<MachineOutcome>;
  /** Only `new`, `broken` and `retired` machines, or any with `force`. */
  remove(ref: string, force: boolean, by: Actor): Promise<MachineOutcome>;
  abort(ref: string, by: Actor): Promise<MachineOutcome>;
  force(ref: string, to: RestState, because: string, by: Actor): Promise<MachineOutcome>;
  setPower(ref: string, choice: PowerChoice | undefined, by: Actor): Promise<MachineOutcome>;
  /** Names of the secret fields that are set; never their values. */
  secretsSet(ref: string): Promise<readonly string[]>;
}
