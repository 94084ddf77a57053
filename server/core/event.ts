import type { BootServed, Verdict } from './boot-verdict.ts';
import type { MachineId } from './machine.ts';

/** What part of the world an event tells of. */
export type EventKind =
  'state' | 'edit' | 'power' | 'dhcp' | 'tftp' | 'http' | 'agent' | 'boot' | 'console' | 'security' | 'network';
/** How much an event asks for attention; the page colours by it. */
export type Severity = 'note' | 'good' | 'warning' | 'bad';

/** One thing that happened. A machine's events of one boot, in order, are its timeline. */
export interface FarrierEvent {
  /** Grows by one; the cursor of the event stream. */
  readonly id: number;
  readonly atMs: number;
  readonly kind: EventKind;
  readonly severity: Severity;
  readonly machine: MachineId | undefined;
  /** The boot record it belongs to. */
  readonly boot: string | undefined;
  /** One sentence for people. Never holds a secret. */
  readonly text: string;
  /** Figures for the page: octets, ms, path, sha256, retransmits … */
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** An event before the store has numbered it. */
export type NewEvent = Omit<FarrierEvent, 'id'>;

/** One boot attempt of a machine. */
export interface BootRecord {
  readonly id: string;
  readonly machine: MachineId;
  readonly startedMs: number;
  /** SHA-256 of the one-boot token, hexadecimal; nothing once it is void. */
  readonly tokenHash: string | undefined;
  /** What was planned, in words. */
  readonly plan: string;
  /** What its loader was told to fetch, once that is decided. */
  readonly served: BootServed | undefined;
  /** When it was over: another boot began, or it was switched off. */
  readonly endedMs: number | undefined;
  /** The verdict, once there is one; a boot under way has none. */
  readonly verdict: Verdict | undefined;
}

/** A boot that begins. */
export type NewBoot = Omit<BootRecord, 'served' | 'endedMs' | 'verdict'>;
