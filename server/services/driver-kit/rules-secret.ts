import { pause } from '../../ports/clock.ts';
import { spellingsOf } from '../power-redact.ts';
import { wordsOf } from './kit-calls.ts';
import { fail, notJudged, pass, type Finding, type KitRule, type KitRun, type KitTarget } from './kit-rule.ts';
import { counted } from './kit-count.ts';

/** A secret of the same form that is another one: it fits whatever pattern the right one fits. */
export function wrongSecret(right: string): string {
  const next = (letter: string): string => {
    if (/[0-8a-eA-Eg-yG-Y]/.test(letter)) return String.fromCharCode(letter.charCodeAt(0) + 1);
    return letter === '9'
      ? '0'
      : letter === 'f' || letter === 'z'
        ? 'a'
        : letter === 'F' || letter === 'Z'
          ? 'A'
          : letter;
  };
  return right.replace(/[0-9A-Za-z]/g, next);
}

/** All that nobody may ever read: the right secrets, and the wrong one that is tried. */
export function secretsOf({ driver, parameters, secretField }: KitTarget): readonly string[] {
  const right = Object.entries(driver.fields)
    .filter(([, { kind }]) => kind === 'secret')
    .map(([name]) => String(parameters[name] ?? ''));
  const wrong = secretField === undefined ? [] : [wrongSecret(String(parameters[secretField] ?? ''))];
  // Short words stand in texts by chance.
  return [...right, ...wrong].filter((secret) => secret.length >= 4);
}

const wrong: KitRule = {
  name: 'wrong-secret',
  sentence: 'A wrong secret is auth, tried once and never again by itself.',
  judge: async (run) => {
    const { target, calls, edges } = run;
    if (target.device === 'none') return notJudged('needs a device that refuses it');
    if (target.secretField === undefined) return notJudged('the device knows no credentials');
    if (target.device === 'real' && !target.maySwitch)
      return notJudged('a failed log-in may lock an account: needs --yes-switch');
    const right = String(target.parameters[target.secretField] ?? '');
    const parameters = { ...target.parameters, [target.secretField]: wrongSecret(right) };
    const tried = await triesOf(target);
    const end = target.driver.abilities.includes('status')
      ? await calls.query(parameters)
      : await calls.set(parameters, 'on');
    if (end.is !== 'error' || end.code !== 'auth') return fail(`${wordsOf(end)}; auth was due`);
    const inOneCall = await tried();
    if (inOneCall > 1) return fail(`in one call it was tried ${inOneCall} times`);
    if (!edges.engine) return pass(wordsOf(end));
    const { driver, made } = counted(target.driver, edges.clock);
    const engine = edges.engine(driver, parameters);
    try {
      const outcome = await engine.order('on');
      if (outcome.is !== 'failed' || outcome.code !== 'auth')
        return fail(`an order ends as ${JSON.stringify(outcome)}`);
      calls.heard(outcome.because);
    } finally {
      await engine.stop();
    }
    return made().length === 1 ? pass('auth, tried once') : fail(`an order tried it ${made().length} times`);
  },
};

/** Counts the log-ins that the device refuses from now on; 0 where it does not count them. */
async function triesOf(target: KitTarget): Promise<() => Promise<number>> {
  const before = (await target.refusals?.()) ?? 0;
  return async () => ((await target.refusals?.()) ?? before) - before;
}

/** The rule that is judged last: over everything that was said and shown. */
export function judgeSecrets(run: KitRun, shown: readonly string[] | undefined): Finding {
  const secrets = secretsOf(run.target);
  if (secrets.length === 0) return notJudged('it has no secrets');
  const spellings = secrets.flatMap(spellingsOf);
  const leak = run.calls.said().find((message) => spellings.some((spelling) => message.includes(spelling)));
  if (leak !== undefined) return fail('an error message holds a secret');
  if (shown && shown.length > 0) return fail(`a secret stood in ${[...new Set(shown)].join(' and ')}`);
  const where = shown === undefined ? '' : ', nor in arguments or an environment';
  return pass(`not in ${run.calls.said().length} error messages${where}`);
}

/** Waits until no more is open than before; what a device closes takes a moment. */
const SETTLE_MS = 5000;

/** The rule on what stays behind, judged after all others. */
export async function judgeLeft(
  { edges }: KitRun,
  before: readonly string[] | undefined,
  programs: readonly string[] | undefined,
): Promise<Finding> {
  if (programs && programs.length > 0) return fail(`programs still run: ${programs.join(', ')}`);
  if (!edges.resources || !before)
    return programs ? pass('no program still runs') : notJudged('nothing here watches processes');
  const untilMs = edges.clock.monotonicMs() + SETTLE_MS;
  for (;;) {
    const more = grown(before, edges.resources());
    if (more.length === 0) return pass('no socket, pipe or process');
    if (edges.clock.monotonicMs() >= untilMs) return fail(`still open: ${more.join(', ')}`);
    await pause(edges.clock, 100);
  }
}

function grown(before: readonly string[], now: readonly string[]): readonly string[] {
  const count = (all: readonly string[], kind: string): number => all.filter((each) => each === kind).length;
  return [...new Set(now)].filter((kind) => count(now, kind) > count(before, kind));
}

/** Secrets at the device; where they may not stand is judged at the end. */
export const SECRET_RULES: readonly KitRule[] = [wrong];
