import type { PowerDriver } from '../../ports/power-driver.ts';
import type { PowerOutcome } from '../power-outcome.ts';
import { counted, firstMeeting } from './kit-count.ts';
import {
  fail,
  notJudged,
  pass,
  type CommandSpan,
  type Finding,
  type KitEngine,
  type KitRule,
  type KitRun,
} from './kit-rule.ts';
import { during } from './rules-trouble.ts';

/** A lie needs no more time than this to be seen through. */
const LIE_SETTLE_MS = 1500;
/** Questions that are asked at once beside an order. */
const CROWD = 4;

interface Ready {
  readonly make: (driver: PowerDriver) => KitEngine;
  readonly first: 'on' | 'off';
  readonly other: 'on' | 'off';
}

/** The engine and the state the machine has now, or why there is nothing to judge by. */
async function ready({ target, edges, calls }: KitRun): Promise<Ready | string> {
  const { driver, parameters } = target;
  const { engine } = edges;
  if (target.device !== 'pretend' || !engine) return 'needs a pretend device, which may be harmed and lies on purpose';
  if (!driver.abilities.includes('status')) return 'it cannot see';
  if (!driver.abilities.includes('off')) return 'it cannot switch off';
  const end = await calls.query(parameters);
  if (end.is !== 'state' || end.state === 'unknown') return 'the device does not say what it is';
  const first = end.state;
  return {
    make: (each) => engine(each, parameters),
    first,
    other: first === 'on' ? 'off' : 'on',
  };
}

async function ordered(engine: KitEngine, verb: 'on' | 'off'): Promise<PowerOutcome> {
  try {
    return await engine.order(verb);
  } finally {
    await engine.stop();
  }
}

const ended = (outcome: PowerOutcome): string =>
  outcome.is === 'done' ? `done, seen ${outcome.seen.state}` : `${outcome.is}: ${outcome.because}`;

function hear(run: KitRun, outcome: PowerOutcome): void {
  if (outcome.is !== 'done') run.calls.heard(outcome.because);
}

const lies: KitRule = {
  name: 'lies',
  sentence: 'A device that says ok and does nothing ends as no-effect.',
  judge: async (run) => {
    const now = await ready(run);
    if (typeof now === 'string') return notJudged(now);
    return during(run, 'lies', async () => {
      const hasty = { ...run.target.driver, settleTimeoutMs: LIE_SETTLE_MS };
      const outcome = await ordered(now.make(hasty), now.other);
      hear(run, outcome);
      if (outcome.is === 'failed' && outcome.code === 'no-effect') return pass(ended(outcome));
      return fail(`${ended(outcome)}; no-effect was due`);
    });
  },
};

const late: KitRule = {
  name: 'late-effect',
  sentence: 'An order that comes true late, within settleTimeoutMs, is done.',
  judge: async (run) => {
    const now = await ready(run);
    if (typeof now === 'string') return notJudged(now);
    return during(run, 'late', async () => {
      const outcome = await ordered(now.make(run.target.driver), now.other);
      hear(run, outcome);
      const truth = await run.target.truth?.();
      if (outcome.is !== 'done' || outcome.seen.state !== now.other) return fail(ended(outcome));
      return truth === undefined || truth === now.other
        ? pass(ended(outcome))
        : fail(`done, and the device is ${truth}`);
    });
  },
};

const steady: KitRule = {
  name: 'flapping-order',
  sentence: 'An order to a device that comes and goes ends, seen or with a named error.',
  judge: async (run) => {
    const now = await ready(run);
    if (typeof now === 'string') return notJudged(now);
    return during(run, 'flapping', async () => {
      const outcome = await ordered(now.make(run.target.driver), now.other);
      hear(run, outcome);
      if (outcome.is === 'failed') return pass(`${outcome.code}: ${ended(outcome)}`);
      const truth = outcome.is === 'done' ? await run.target.truth?.() : undefined;
      if (outcome.is === 'done' && (truth === undefined || truth === now.other)) return pass(ended(outcome));
      return fail(`${ended(outcome)}${truth === undefined ? '' : `, and the device is ${truth}`}`);
    });
  },
};

const queue: KitRule = {
  name: 'one-at-a-time',
  sentence: 'One controller never hears two commands at once.',
  judge: async (run) => {
    const now = await ready(run);
    if (typeof now === 'string') return notJudged(now);
    const { driver, made } = counted(run.target.driver, run.edges.clock);
    const seenBefore = (await run.target.seen?.())?.length ?? 0;
    const engine = now.make(driver);
    const outcomes = await Promise.all([
      engine.order(now.first),
      ...Array.from({ length: CROWD }, () => engine.status()),
    ]).finally(() => engine.stop());
    outcomes.forEach((outcome) => {
      hear(run, outcome);
    });
    return judgeQueue(outcomes, made(), (await run.target.seen?.())?.slice(seenBefore) ?? []);
  },
};

function judgeQueue(
  outcomes: readonly PowerOutcome[],
  made: readonly CommandSpan[],
  seen: readonly CommandSpan[],
): Finding {
  const bad = outcomes.find(({ is }) => is !== 'done');
  if (bad) return fail(ended(bad));
  if (firstMeeting(made)) return fail('two calls of the driver were under way at once');
  if (firstMeeting(seen)) return fail('the device heard two commands at once');
  return pass(
    `${made.length} calls one after another${seen.length > 0 ? `, ${seen.length} commands at the device` : ''}`,
  );
}

/** A driver under the real engine: its queue, its patience and its eyes. */
export const ENGINE_RULES: readonly KitRule[] = [lies, late, steady, queue];
