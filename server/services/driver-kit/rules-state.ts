import type { CallEnd } from './kit-calls.ts';
import { wordsOf } from './kit-calls.ts';
import { fail, notJudged, pass, type Finding, type KitRule, type KitRun } from './kit-rule.ts';

/** Why nothing may be switched here; nothing when it may. */
export function whyNotSwitch({ target }: KitRun): string | undefined {
  if (target.device === 'none') return 'needs a device: give its fields with --set, or --machine';
  return target.maySwitch ? undefined : 'needs --yes-switch';
}

/** The state to return to. */
function firstState(end: CallEnd): 'on' | 'off' {
  return end.is === 'state' && end.state === 'on' ? 'on' : 'off';
}

/** One order, seen: what went wrong, or nothing. */
async function reach({ target, calls }: KitRun, want: 'on' | 'off'): Promise<string | undefined> {
  const told = await calls.set(target.parameters, want);
  if (told.is !== 'done') return `told to be ${want}: ${wordsOf(told)}`;
  const seen = await calls.until(target.parameters, want);
  if (seen.is !== 'state' || seen.state !== want)
    return `told to be ${want}, and after ${target.driver.settleTimeoutMs} ms it is ${wordsOf(seen)}`;
  const truth = await target.truth?.();
  return truth === undefined || truth === want ? undefined : `says "${want}" and the device is ${truth}`;
}

const reads: KitRule = {
  name: 'status',
  sentence: 'Asked for the state, it says on or off in time.',
  judge: async ({ target, calls }) => {
    if (target.device === 'none') return notJudged('needs a device: give its fields with --set, or --machine');
    if (!target.driver.abilities.includes('status')) return notJudged('it cannot see');
    const end = await calls.query(target.parameters);
    if (end.is !== 'state') return fail(wordsOf(end));
    const truth = await target.truth?.();
    if (truth !== undefined && end.state !== truth) return fail(`says ${wordsOf(end)} and the device is ${truth}`);
    return pass(wordsOf(end));
  },
};

const readBack: KitRule = {
  name: 'read-back',
  sentence: 'Switched on it is seen on, switched off it is seen off.',
  judge: async (run) => {
    const because = whyNotSwitch(run);
    if (because !== undefined) return notJudged(because);
    const { target, calls } = run;
    if (!target.driver.abilities.includes('status')) return onlyOn(run);
    const first = firstState(await calls.query(target.parameters));
    const other = first === 'on' ? 'off' : 'on';
    if (!target.driver.abilities.includes('off')) return notJudged('it cannot switch off');
    for (const want of [other, first] as const) {
      const fault = await reach(run, want);
      if (fault !== undefined) return fail(fault);
    }
    return pass(`${other}, then ${first} again`);
  },
};

/** A driver without eyes: only another can tell whether its order came true. */
async function onlyOn({ target, calls, edges }: KitRun): Promise<Finding> {
  if (!target.truth) return notJudged('it cannot see');
  const told = await calls.set(target.parameters, 'on');
  if (told.is !== 'done') return fail(`told to be on: ${wordsOf(told)}`);
  const untilMs = edges.clock.monotonicMs() + target.driver.settleTimeoutMs;
  while ((await target.truth()) !== 'on') {
    if (edges.clock.monotonicMs() >= untilMs) return fail('told to be on, and the device is off');
    await new Promise<void>((resolve) => edges.clock.after(250, resolve));
  }
  return pass('told to be on, and the device is on');
}

const repeatable: KitRule = {
  name: 'repeatable',
  sentence: 'An order given twice does no harm.',
  judge: async (run) => {
    const because = whyNotSwitch(run);
    if (because !== undefined) return notJudged(because);
    const { target, calls } = run;
    if (!target.driver.abilities.includes('status')) return notJudged('it cannot see');
    const first = firstState(await calls.query(target.parameters));
    if (!target.driver.abilities.includes(first)) return notJudged(`it cannot switch ${first}`);
    const fault = (await reach(run, first)) ?? (await reach(run, first));
    if (fault !== undefined) return fail(fault);
    return pass(`${first} twice, and it stays ${first}`);
  },
};

/** The truth about the power, while the device does as it should. */
export const STATE_RULES: readonly KitRule[] = [reads, readBack, repeatable];
