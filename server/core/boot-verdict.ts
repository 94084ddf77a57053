import type { Sha256 } from './address.ts';

/** Where a boot can fail, in the order in which a boot passes through them. */
export const LAYERS = ['power', 'network', 'firmware', 'loader', 'kernel', 'initrd', 'image'] as const;
export type Layer = (typeof LAYERS)[number];

/** How far a boot can be seen to have come, in order. */
export const BOOT_STEPS = [
  'ordered',
  'on',
  'heard',
  'addressed',
  'loader',
  'config',
  'kernel',
  'started',
  'called',
  'booted',
] as const;
export type BootStep = (typeof BOOT_STEPS)[number];

/** How a boot stands. `silent`: its deadline passed without a word; `failed`: something was seen to go wrong. */
export const VERDICT_STATES = ['under way', 'ended well', 'failed', 'silent'] as const;
export type VerdictState = (typeof VERDICT_STATES)[number];

/** How much a verdict rests on: `sure` was seen, `likely` fits what was seen best, `guess` is the first place to look. */
export const CONFIDENCES = ['sure', 'likely', 'guess'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

/** What is thought of a boot, in words, and what it rests on. */
export interface Verdict {
  readonly state: VerdictState;
  /** The signature that decided, as `docs/verdicts.md` names it. */
  readonly rule: string;
  /** The last step that was seen to be done. */
  readonly lastGood: BootStep | undefined;
  /** The layer that stopped; nothing while it goes on or when it ended well. */
  readonly layer: Layer | undefined;
  /** One sentence: what is, or what went wrong. */
  readonly cause: string;
  /** What else it could be, likeliest first. */
  readonly others: readonly string[];
  /** What to try; nothing when there is nothing to do. */
  readonly remedy: string | undefined;
  /** Ids of the events it rests on. */
  readonly evidence: readonly number[];
  readonly confidence: Confidence;
  /** Epoch ms by which the next step is due, while it is under way. */
  readonly dueMs: number | undefined;
}

/** What a boot was served, so that it can be compared and repeated. */
export interface BootServed {
  readonly purpose: 'agent' | 'bundle';
  readonly bundle: string;
  readonly board: string;
  readonly format: string;
  readonly kernel: Sha256;
  readonly initrd: Sha256 | undefined;
  readonly dtb: Sha256 | undefined;
  /** The kernel arguments without the boot's token. */
  readonly args: string;
  /** Whether the booted system tells Farrier that it runs. */
  readonly callsHome: boolean;
}

/** A fault that shows in a served file itself: it explains a silence better than any guess. */
export interface FileFault {
  readonly layer: 'loader' | 'kernel' | 'initrd';
  readonly cause: string;
  readonly remedy: string;
}

/** Seconds within which the next step of a boot is due. */
export interface BootDeadlines {
  /** From the order "on" to the first DHCP message. */
  readonly heardS: number;
  /** From the first DHCP message to the address taken. */
  readonly addressS: number;
  /** From the address taken to the first file. */
  readonly firstFileS: number;
  /** From one file (loader, config, kernel) to the next that must follow. */
  readonly nextFileS: number;
  /** From the last file to the first word of the booted system. */
  readonly callS: number;
  /** From that first word to the end: facts taken, or "booted". */
  readonly bootedS: number;
}

/** Generous enough for slow server boards: UEFI takes minutes to its first packet on some. */
export const BOOT_DEADLINES: BootDeadlines = {
  heardS: 120,
  addressS: 30,
  firstFileS: 30,
  nextFileS: 60,
  callS: 240,
  bootedS: 600,
};

/** Whether a boot still goes on, so that more of it is waited for. */
export function isUnderWay(verdict: Pick<Verdict, 'state'> | undefined): boolean {
  return verdict === undefined || verdict.state === 'under way';
}
