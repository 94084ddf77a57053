import type { FieldValues } from '../../core/field.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PowerDriver, PowerEdges } from '../../ports/power-driver.ts';
import type { PowerOutcome, PowerVerb } from '../power-outcome.ts';
import type { KitCalls } from './kit-calls.ts';

/** How a device can misbehave in front of a driver. */
export const KIT_FAULTS = ['gone', 'silent', 'slow', 'half', 'lies', 'late', 'flood', 'flapping'] as const;
export type KitFault = (typeof KIT_FAULTS)[number];

/** When a device heard a command, on one steady clock. */
export interface CommandSpan {
  readonly beganMs: number;
  readonly endedMs: number;
}

/** What a driver is tried on. */
export interface KitTarget {
  readonly driver: PowerDriver;
  /** `none`: nothing but what misbehaves by itself. `pretend`: made for tests, it cannot be harmed. `real`: it can. */
  readonly device: 'none' | 'pretend' | 'real';
  /** Parameters that work, secrets among them; samples where there is no device. */
  readonly parameters: FieldValues;
  /** The secret whose wrong value the device refuses; nothing where it knows no credentials. */
  readonly secretField: string | undefined;
  /** Whether the machine may really be switched. */
  readonly maySwitch: boolean;
  /** What the device really has, where something else than the driver can tell. */
  truth?(): Promise<'on' | 'off'>;
  /**
   * Makes it misbehave from now on. The value is what to reach it by meanwhile; nothing where it cannot be made to.
   */
  misbehave(how: KitFault): Promise<FieldValues | undefined>;
  behave(): Promise<void>;
  /** Commands the device has seen; empty where it cannot tell. */
  seen?(): Promise<readonly CommandSpan[]>;
  /** Log-ins the device has refused so far; nothing where it does not count them. */
  refusals?(): Promise<number | undefined>;
}

/** The real power engine over one driver, with one machine. */
export interface KitEngine {
  order(verb: PowerVerb): Promise<PowerOutcome>;
  status(): Promise<PowerOutcome>;
  stop(): Promise<void>;
}

/** Watches the processes of this host. */
export interface KitWatch {
  /** Ends it: where a secret stood in arguments or an environment, and which driver programs still run. */
  stop(): Promise<{ readonly shown: readonly string[]; readonly left: readonly string[] }>;
}

/** The world of the kit. What is absent leaves its rules not judged. */
export interface KitEdges extends PowerEdges {
  readonly clock: Clock;
  readonly engine?: (driver: PowerDriver, parameters: FieldValues) => KitEngine;
  /** `secrets` are what no process may show. */
  readonly watch?: (secrets: readonly string[]) => KitWatch;
  /** Octets of memory in use. */
  readonly memoryOctets?: () => number;
  /** Kinds of sockets, pipes and processes that are open, one entry each. */
  readonly resources?: () => readonly string[];
  /** A file that appears when a parameter was run as a command. */
  readonly trap?: { readonly path: string; sprung(): boolean };
}

/** What a rule found. */
export type Finding =
  | { readonly is: 'pass'; readonly because: string }
  | { readonly is: 'fail'; readonly because: string }
  | { readonly is: 'not-judged'; readonly because: string };

/** All a rule has at hand. */
export interface KitRun {
  readonly target: KitTarget;
  readonly edges: KitEdges;
  readonly calls: KitCalls;
}

/** One promise that every driver keeps. */
export interface KitRule {
  /** Stable: scripts and pages name it. */
  readonly name: string;
  readonly sentence: string;
  judge(run: KitRun): Promise<Finding>;
}

/** It holds. */
export const pass = (because: string): Finding => ({ is: 'pass', because });
/** It does not hold. */
export const fail = (because: string): Finding => ({ is: 'fail', because });
/** Nothing here can tell. */
export const notJudged = (because: string): Finding => ({ is: 'not-judged', because });
