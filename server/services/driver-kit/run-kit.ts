import { createRedact } from '../power-redact.ts';
import { createKitCalls } from './kit-calls.ts';
import type { Finding, KitEdges, KitRule, KitRun, KitTarget } from './kit-rule.ts';
import { DECLARED_RULES } from './rules-declared.ts';
import { ENGINE_RULES } from './rules-engine.ts';
import { judgeLeft, judgeSecrets, secretsOf, SECRET_RULES } from './rules-secret.ts';
import { STATE_RULES } from './rules-state.ts';
import { TROUBLE_RULES } from './rules-trouble.ts';

/** A rule, and what it found. */
export interface KitResult {
  readonly rule: string;
  readonly sentence: string;
  readonly verdict: Finding['is'];
  readonly because: string;
  readonly tookMs: number;
}

const RULES: readonly KitRule[] = [
  ...DECLARED_RULES,
  ...STATE_RULES,
  ...TROUBLE_RULES,
  ...SECRET_RULES,
  ...ENGINE_RULES,
];

const NOTHING_LEFT = {
  name: 'nothing-left',
  sentence: 'No process, pipe or socket outlives its call.',
} as const;
const SECRETS_KEPT = {
  name: 'secrets-kept',
  sentence: 'Secrets stand in no error, no argument and no environment.',
} as const;

/** Every rule by name with its sentence, in the order in which they are judged. */
export const KIT_RULES: readonly Pick<KitRule, 'name' | 'sentence'>[] = [...RULES, NOTHING_LEFT, SECRETS_KEPT];

/** Judges a driver by every rule, one after another. What breaks in a rule is a failed rule; it never throws. */
export async function runKit(
  target: KitTarget,
  edges: KitEdges,
  tell: (result: KitResult) => void = () => undefined,
): Promise<readonly KitResult[]> {
  const run: KitRun = { target, edges, calls: createKitCalls(target.driver, edges) };
  const redact = createRedact(secretsOf(target));
  const watch = edges.watch?.(secretsOf(target));
  const before = edges.resources?.();
  const results: KitResult[] = [];
  const judge = async (rule: KitRule): Promise<void> => {
    const beganMs = edges.clock.monotonicMs();
    const { is, because } = await judged(rule, run);
    const tookMs = Math.round(edges.clock.monotonicMs() - beganMs);
    const result = { rule: rule.name, sentence: rule.sentence, verdict: is, because: redact(because), tookMs };
    results.push(result);
    tell(result);
  };
  for (const rule of RULES) await judge(rule);
  const watched = await watch?.stop();
  await judge({ ...NOTHING_LEFT, judge: () => judgeLeft(run, before, watched?.left) });
  await judge({ ...SECRETS_KEPT, judge: () => Promise.resolve(judgeSecrets(run, watched?.shown)) });
  return results;
}

async function judged(rule: KitRule, run: KitRun): Promise<Finding> {
  try {
    return await rule.judge(run);
  } catch (thrown) {
    return { is: 'fail', because: `it broke: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}
