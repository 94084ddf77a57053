import type { Ipv4 } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Facts } from '../core/facts.ts';
import type { Machine, Recognition } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { MacOfAddress } from '../ports/dhcp-advisor.ts';
import type { Rng } from '../ports/rng.ts';
import type { Store } from '../ports/store.ts';
import type { ServedSeen } from './served-seen.ts';

/** What becomes of an agent's post. */
export type AgentOutcome =
  | { readonly is: 'done'; readonly machine: Machine }
  /** No such token, or void: 403. */
  | { readonly is: 'forbidden'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string };

/** What is known of a machine when its board is to be recognised. */
export type EnlistEvidence = Pick<BootRequest, 'mac' | 'clientArch' | 'vendorClass' | 'userClass' | 'systemUuid'> & {
  readonly facts: Facts | undefined;
};

/** What enlistment needs; `sha256` gives the hexadecimal digest of a text. */
export interface EnlistDeps {
  readonly machines: Store['machines'];
  readonly boots: Pick<Store['boots'], 'byTokenHash' | 'setToken'>;
  readonly events: Pick<Store['events'], 'append'>;
  readonly macOfAddress: MacOfAddress;
  /** Whether the holder of an address can be told: we lease it, or see the machine on the wire. */
  readonly isHolderKnown: (address: Ipv4) => boolean;
  /** Compares what a kernel saw with what its boot was served. */
  readonly seen: ServedSeen;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly sha256: (text: string) => string;
  readonly recognise: (evidence: EnlistEvidence) => Recognition | undefined;
}
