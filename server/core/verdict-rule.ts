import type { BootStory, Mark } from './boot-story.ts';
import type { BootDeadlines, Confidence, FileFault, Layer, VerdictState } from './boot-verdict.ts';

/** What a rule looks at. */
export interface VerdictCase {
  readonly story: BootStory;
  readonly nowMs: number;
  readonly deadlines: BootDeadlines;
  readonly isSending: boolean;
  readonly faults: readonly FileFault[];
}

/** What a rule makes of a boot that shows its signature. */
export interface Finding {
  readonly state: VerdictState;
  readonly layer?: Layer;
  readonly cause: string;
  readonly others?: readonly string[];
  readonly remedy?: string;
  readonly evidence: readonly Mark[];
  readonly confidence: Confidence;
  /** Epoch ms; only with `under way`. */
  readonly dueMs?: number;
}

/** One signature. */
export interface Rule {
  readonly id: string;
  readonly look: (about: VerdictCase) => Finding | undefined;
}

/** Seconds for people: `4.2 s`, `3 min`. */
export function secondsWords(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 180_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** A step that must follow within `s` seconds: waited for until then, and a silence afterwards. */
export function dueOrSilent(
  about: VerdictCase,
  step: {
    readonly sinceMs: number;
    readonly withinS: number;
    readonly waitingFor: string;
    readonly evidence: readonly Mark[];
  },
  silence: Pick<Finding, 'layer' | 'cause' | 'others' | 'remedy' | 'confidence'>,
): Finding {
  const dueMs = step.sinceMs + step.withinS * 1000;
  if (about.nowMs < dueMs || about.isSending)
    return { state: 'under way', cause: step.waitingFor, evidence: step.evidence, confidence: 'sure', dueMs };
  return { state: 'silent', ...silence, evidence: step.evidence };
}
