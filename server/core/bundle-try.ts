import type { MachineId } from './machine.ts';

/**
 * How far a try is. `armed`: the next boot gets the bundle. `under way`: the machine was switched on or has asked, and
 * the deadline runs. `good`: it called home; the machine takes the bundle over. `returning`: it did not, and a power
 * cycle is due; `cycling`: that cycle was ordered. Whatever moves has a deadline or is ended by the daemon at once.
 */
export type TryStep = 'armed' | 'under way' | 'good' | 'returning' | 'cycling';

/** One bundle on trial on one machine, for one boot. */
export interface BundleTry {
  readonly machine: MachineId;
  /** `name@version`. */
  readonly bundle: string;
  /** What the machine goes back to, as `name@version`; nothing when that is its own disk. */
  readonly back: string | undefined;
  readonly by: string;
  readonly askedMs: number;
  /** How long the booted system has to call home, from power-on or the first packet. */
  readonly withinMs: number;
  /** Whether a silent machine may be power-cycled, so that it comes back with nobody there. */
  readonly mayCycle: boolean;
  /** A try of an earlier holder does nothing any more. */
  readonly ownerEpoch: number;
  readonly step: TryStep;
  /** Epoch ms; set once under way. */
  readonly endsMs: number | undefined;
  /** The boot that got the bundle. */
  readonly boot: string | undefined;
  /** Whether Farrier switched the machine on for it: only then it may switch it again. */
  readonly wasSwitched: boolean;
}

/** What a try hears of. */
export type TryEvent =
  | { readonly is: 'switched'; readonly on: boolean; readonly nowMs: number }
  /** The machine is given the bundle in this boot. */
  | { readonly is: 'served'; readonly boot: string; readonly nowMs: number }
  /** Its firmware speaks again: another boot than the one that got the bundle. */
  | { readonly is: 'another boot' }
  | { readonly is: 'called home'; readonly boot: string }
  | { readonly is: 'time'; readonly nowMs: number }
  | { readonly is: 'changed hands' }
  | { readonly is: 'abort' }
  /** The machine has the bundle as its own now, or the cycle was ordered, or has ended. */
  | { readonly is: 'taken over' }
  | { readonly is: 'cycle ordered' }
  | { readonly is: 'cycle ended' };

/** How a try ended. */
export type TryEnd = 'good' | 'silent' | 'started again' | 'aborted' | 'changed hands';

/** What becomes of a try: it stays, goes on, or is over; `told` when it has just been decided. */
export type TryNext =
  | { readonly is: 'same' }
  | { readonly is: 'moved'; readonly to: BundleTry; readonly told: TryEnd | undefined }
  | { readonly is: 'over'; readonly told: TryEnd | undefined };

const SAME: TryNext = { is: 'same' };

/** THE rule of tries. What does not fit the step changes nothing. */
export function nextTry(now: BundleTry, event: TryEvent): TryNext {
  switch (event.is) {
    case 'changed hands':
      return { is: 'over', told: isDecided(now) ? undefined : 'changed hands' };
    case 'abort':
      return isDecided(now) ? SAME : { is: 'over', told: 'aborted' };
    case 'switched':
      return whenSwitched(now, event.on, event.nowMs);
    case 'served':
      return now.step === 'armed' || now.step === 'under way' ? served(now, event.boot, event.nowMs) : SAME;
    case 'another boot':
      return now.step === 'under way' && now.boot !== undefined ? { is: 'over', told: 'started again' } : SAME;
    case 'called home':
      if (now.step !== 'under way' || now.boot !== event.boot) return SAME;
      return { is: 'moved', to: { ...now, step: 'good', endsMs: undefined }, told: 'good' };
    case 'time':
      return now.step === 'under way' && now.endsMs !== undefined && now.endsMs <= event.nowMs ? silent(now) : SAME;
    case 'taken over':
      return now.step === 'good' ? { is: 'over', told: undefined } : SAME;
    case 'cycle ordered':
      return now.step === 'returning' ? { is: 'moved', to: { ...now, step: 'cycling' }, told: undefined } : SAME;
    case 'cycle ended':
      return now.step === 'cycling' ? { is: 'over', told: undefined } : SAME;
  }
}

/** Whether the outcome is known and only its consequences are under way. */
function isDecided({ step }: BundleTry): boolean {
  return step === 'good' || step === 'returning' || step === 'cycling';
}

function whenSwitched(now: BundleTry, on: boolean, nowMs: number): TryNext {
  if (isDecided(now)) return SAME;
  if (!on) return { is: 'moved', to: { ...now, wasSwitched: false }, told: undefined };
  // A machine that is cycled while its try is under way gave up that boot.
  if (now.boot !== undefined) return { is: 'over', told: 'started again' };
  return { is: 'moved', to: { ...underWay(now, nowMs), wasSwitched: true }, told: undefined };
}

function served(now: BundleTry, boot: string, nowMs: number): TryNext {
  if (now.boot === boot) return SAME;
  return { is: 'moved', to: { ...underWay(now, nowMs), boot }, told: undefined };
}

const underWay = (now: BundleTry, nowMs: number): BundleTry => ({
  ...now,
  step: 'under way',
  endsMs: now.endsMs ?? nowMs + now.withinMs,
});

function silent(now: BundleTry): TryNext {
  if (!now.mayCycle || !now.wasSwitched) return { is: 'over', told: 'silent' };
  return { is: 'moved', to: { ...now, step: 'returning', endsMs: undefined }, told: 'silent' };
}

/** Whether a boot gets the bundle on trial: the one that got it already, else the next one (no `boot`: whichever it is). */
export function isOnTrial(now: BundleTry, boot: string | undefined): boolean {
  switch (now.step) {
    case 'armed':
    case 'under way':
    case 'good':
      return now.boot === undefined || now.boot === boot;
    case 'returning':
    case 'cycling':
      return false;
  }
}
