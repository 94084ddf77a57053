import type { FieldValues } from '../../core/field.ts';
import { pause } from '../../ports/clock.ts';
import { LET_GO_MS, wordsOf, type CallEnd } from './kit-calls.ts';
import { fail, notJudged, pass, type Finding, type KitFault, type KitRule, type KitRun } from './kit-rule.ts';

/** Milliseconds after which a call that nobody waits for is given up. */
const ABORT_MS = 150;
/** Octets a driver's memory may grow by while a device floods it. */
const GROWTH_MAX = 64 * 1024 * 1024;

/** Judges while the device misbehaves, and mends it afterwards. */
export async function during(
  run: KitRun,
  how: KitFault,
  judge: (parameters: FieldValues) => Promise<Finding>,
): Promise<Finding> {
  try {
    const parameters = await run.target.misbehave(how);
    if (!parameters)
      return notJudged(`${run.target.device === 'pretend' ? 'the pretend' : 'this'} device cannot do "${how}"`);
    return await judge(parameters);
  } finally {
    await run.target.behave();
  }
}

/** Asks once, by whatever the driver has: a look, or for those without eyes an order. */
function ask({ target, calls }: KitRun, parameters: FieldValues, abortAfterMs?: number): Promise<CallEnd> {
  const sees = target.driver.abilities.includes('status');
  return sees ? calls.query(parameters, abortAfterMs) : calls.set(parameters, 'on', abortAfterMs);
}

/** An answer that is no lie: an error of a known kind, or the state the device really has. */
async function honest({ target }: KitRun, end: CallEnd): Promise<Finding> {
  if (end.is === 'hung' || end.is === 'broken') return fail(wordsOf(end));
  if (end.is !== 'state' || end.state === 'unknown') return pass(wordsOf(end));
  if (target.device === 'none') return fail(`says ${wordsOf(end)} of a device that is not there`);
  const truth = await target.truth?.();
  if (truth !== undefined && truth !== end.state) return fail(`says ${wordsOf(end)} and the device is ${truth}`);
  return pass(wordsOf(end));
}

function isSilence(end: CallEnd): boolean {
  return end.is === 'error' && (end.code === 'unreachable' || end.code === 'timeout');
}

/** A device that says nothing: a driver with eyes owes an error worth another try, one without may be done. */
function silence(run: KitRun, end: CallEnd): Finding {
  const sees = run.target.driver.abilities.includes('status');
  if (isSilence(end) || (!sees && end.is === 'done')) return pass(wordsOf(end));
  return fail(`${wordsOf(end)}; unreachable or timeout was due`);
}

const gone: KitRule = {
  name: 'unreachable',
  sentence: 'A device that is not there is unreachable, within the driver’s deadline.',
  judge: (run) => during(run, 'gone', async (parameters) => silence(run, await ask(run, parameters))),
};

const silent: KitRule = {
  name: 'silence',
  sentence: 'A silent device is given up within the driver’s deadline.',
  judge: (run) => during(run, 'silent', async (parameters) => silence(run, await ask(run, parameters))),
};

const abort: KitRule = {
  name: 'abort',
  sentence: 'A call that nobody waits for any more ends at once.',
  judge: (run) =>
    during(run, 'silent', async (parameters) => {
      const end = await ask(run, parameters, ABORT_MS);
      if (end.is === 'hung' || end.tookMs > ABORT_MS + LET_GO_MS) return fail(`${wordsOf(end)}, aborted after 0.2 s`);
      return end.is === 'broken' ? fail(wordsOf(end)) : pass(wordsOf(end));
    }),
};

const slow: KitRule = {
  name: 'slow',
  sentence: 'A slow device is waited for or given up, and never misread.',
  judge: (run) => during(run, 'slow', async (parameters) => honest(run, await ask(run, parameters))),
};

const half: KitRule = {
  name: 'half-answer',
  sentence: 'Half an answer is an error, never a wrong state and never a hang.',
  judge: (run) => during(run, 'half', async (parameters) => honest(run, await ask(run, parameters))),
};

const flood: KitRule = {
  name: 'flood',
  sentence: 'A device or program that floods is ended, and memory stays small.',
  judge: (run) =>
    during(run, 'flood', async (parameters) => {
      const before = run.edges.memoryOctets?.() ?? 0;
      const end = await ask(run, parameters);
      const grown = (run.edges.memoryOctets?.() ?? 0) - before;
      if (grown > GROWTH_MAX) return fail(`memory grew by ${Math.round(grown / 1024 / 1024)} MiB`);
      return honest(run, end);
    }),
};

/** Looks at a device that comes and goes. */
const LOOKS = 6;
const BETWEEN_LOOKS_MS = 130;

const flapping: KitRule = {
  name: 'flapping',
  sentence: 'Of a device that comes and goes each answer is right or an error, and afterwards all is well.',
  judge: async (run) => {
    const { target, calls } = run;
    if (!target.driver.abilities.includes('status')) return notJudged('it cannot see');
    const ends: CallEnd[] = [];
    const found = await during(run, 'flapping', async (parameters) => {
      for (let look = 1; look <= LOOKS; look += 1) {
        const end = await calls.query(parameters);
        ends.push(end);
        const judged = await honest(run, end);
        if (judged.is === 'fail') return judged;
        await pause(run.edges.clock, BETWEEN_LOOKS_MS);
      }
      return pass(`${ends.filter(({ is }) => is === 'state').length} of ${LOOKS} looks answered`);
    });
    if (found.is !== 'pass' || target.device === 'none') return found;
    const after = await calls.query(target.parameters);
    return after.is === 'state' ? found : fail(`the device is well again, and the answer is ${wordsOf(after)}`);
  },
};

/** What a driver does when the device does not do as it should. */
export const TROUBLE_RULES: readonly KitRule[] = [gone, silent, abort, slow, half, flood, flapping];
