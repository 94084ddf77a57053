import { lastGood } from './boot-progress.ts';
import type { BootStory } from './boot-story.ts';
import type { BootDeadlines, FileFault, Layer, Verdict } from './boot-verdict.ts';
import { earlySilences } from './verdict-early.ts';
import { seenFaults } from './verdict-faults.ts';
import { kernelSilences } from './verdict-kernel.ts';
import type { Finding, Rule, VerdictCase } from './verdict-rule.ts';

/** Ends that were hoped for, or that are none of Farrier's. */
const ends: readonly Rule[] = [
  {
    id: 'booted',
    look: ({ story: { booted } }) =>
      booted && {
        state: 'ended well',
        cause: 'it booted: the system itself said so',
        evidence: [booted],
        confidence: 'sure',
      },
  },
  {
    id: 'facts',
    look: ({ story: { facts } }) =>
      facts && {
        state: 'ended well',
        cause: 'it booted the agent, which told what the machine is',
        evidence: [facts],
        confidence: 'sure',
      },
  },
];

const plans: readonly Rule[] = [
  {
    id: 'switched-by-order',
    look: ({ story: { switched } }) =>
      switched && {
        state: 'ended well',
        cause: 'it was switched by an order before it had booted',
        evidence: [switched],
        confidence: 'sure',
      },
  },
  {
    id: 'sent-away',
    look: ({ story: { plan } }) =>
      plan && (plan.do === 'local-disk' || plan.do === 'ignore')
        ? {
            state: 'ended well',
            cause:
              plan.do === 'ignore' ? `it was not answered: ${plan.because}` : `sent to its own disk: ${plan.because}`,
            evidence: [plan],
            confidence: 'sure',
          }
        : undefined,
  },
];

/** All signatures, in the order in which they are looked for: what was seen before what is only missed. */
export const VERDICT_RULES: readonly Rule[] = [...ends, ...seenFaults, ...plans, ...kernelSilences, ...earlySilences];

/** What is asked of `judge`. */
export interface Question {
  readonly story: BootStory;
  readonly nowMs: number;
  readonly deadlines: BootDeadlines;
  /** Whether a file is going out right now: no next step is due meanwhile. */
  readonly isSending: boolean;
  /** Faults found in the served files themselves. */
  readonly faults: readonly FileFault[];
}

/**
 * The verdict over a boot: of its events so far and the time, and nothing else. An early verdict is taken back by a
 * later good step, for the story then no longer shows its signature.
 */
export function judge(question: Question): Verdict {
  const about: VerdictCase = question;
  for (const rule of VERDICT_RULES) {
    const finding = rule.look(about);
    if (finding) return verdictOf(rule.id, finding, question);
  }
  return verdictOf('waiting', { state: 'under way', cause: 'it goes on', evidence: [], confidence: 'sure' }, question);
}

function verdictOf(rule: string, finding: Finding, { story, faults, nowMs }: Question): Verdict {
  const good = lastGood(story);
  const found = finding.state === 'under way' ? undefined : faultFor(rule, finding, faults);
  const base: Verdict = {
    ...{ state: finding.state, rule, lastGood: good?.step, layer: finding.layer, cause: finding.cause },
    others: finding.others ?? [],
    remedy: finding.remedy,
    evidence: [...new Set([...finding.evidence.map(({ id }) => id), ...(good ? [good.mark.id] : [])])],
    confidence: finding.confidence,
    dueMs: finding.dueMs === undefined ? undefined : Math.max(finding.dueMs, nowMs),
  };
  if (!found) return base;
  // A fault in the file itself explains what was seen; what was seen stays beside it.
  const { layer, cause, remedy } = found;
  return { ...base, layer, cause, remedy, others: [finding.cause, ...base.others], confidence: 'likely' };
}

/** A loader that gives up may do so for whatever it was given; else a fault explains its own layer only. */
function faultFor(rule: string, finding: Finding, faults: readonly FileFault[]): FileFault | undefined {
  return faults.find(({ layer }) => layer === finding.layer) ?? (rule === 'loader-went-on' ? faults[0] : undefined);
}

/** A verdict as one sentence, as the timeline tells it. */
export function verdictWords({ state, layer, cause }: Pick<Verdict, 'state' | 'layer' | 'cause'>): string {
  switch (state) {
    case 'under way':
    case 'ended well':
      return cause;
    case 'failed':
    case 'silent':
      return layer === undefined ? cause : `${LAYER_WORDS[layer]}: ${cause}`;
  }
}

const LAYER_WORDS: Readonly<Record<Layer, string>> = {
  power: 'stopped at its power',
  network: 'stopped at the network',
  firmware: 'stopped in its firmware',
  loader: 'stopped in its loader',
  kernel: 'stopped in its kernel',
  initrd: 'stopped in its initrd',
  image: 'stopped in the system itself',
};
