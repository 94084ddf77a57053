import type { NewEvent, Severity } from '../core/event.ts';
import type { Machine, MachineId, PowerSeen } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import { PowerError, type PowerErrorCode } from '../ports/power-driver.ts';
import type { MachineStore, PowerOrder, PowerOrderStore } from '../ports/store.ts';
import { askOnce, askPatiently, Dropped, givesHope, pauseUnless, type Call, type Line } from './power-calls.ts';

/** Times an order that had no effect is given before that is the verdict: some outlets lose the first one. */
const ROUNDS = 2;
const LOOK_AGAIN_MS = [250, 500, 1000] as const;
const LOOK_SLOWLY_MS = 2000;

/** One order on its way, with all it needs. */
export interface Job {
  readonly order: PowerOrder;
  /** As it was when the order was given. */
  readonly machine: Machine;
  readonly line: Line;
  /** The driver's name, for the words of the timeline. */
  readonly driver: string;
  /** Whether the driver can be asked for the state. */
  readonly sees: boolean;
  readonly settleTimeoutMs: number;
  /** Seconds it stays off in a cycle. */
  readonly restS: number;
  readonly signal: AbortSignal;
  readonly machines: Pick<MachineStore, 'byId'>;
  /** Why the power may not be cut now: somebody may use another machine on this outlet since the order was given. */
  readonly whyNotCut: () => Promise<string | undefined>;
  readonly orders: Pick<PowerOrderStore, 'step'>;
  /** Keeps what was seen, without words: the order's own lines tell it. */
  readonly keep: (seen: PowerSeen) => Promise<void>;
}

/** How far a job came, for the words at its end. */
export interface Progress {
  called: boolean;
  /** Whether the device took "off" in a cycle. */
  tookOff: boolean;
  wentOff: boolean;
  /** When the device was last told something, on the monotonic clock. */
  toldMs: number | undefined;
}

/** A line of a machine's timeline about its power. */
export function powerEvent(
  machine: MachineId,
  atMs: number,
  severity: Severity,
  text: string,
  detail: NewEvent['detail'],
): NewEvent {
  return { atMs, kind: 'power', severity, machine, boot: undefined, text, detail };
}

/** How long ago a job's device was told, as words and as a figure; nothing when it never was. */
export function sinceTold(clock: Clock, progress: Progress): { readonly words: string; readonly durationMs: number } {
  const durationMs = progress.toldMs === undefined ? 0 : Math.round(clock.monotonicMs() - progress.toldMs);
  return { words: `after ${(durationMs / 1000).toFixed(1)} s`, durationMs };
}

/** How an order that ran to its end came out. */
export interface Carried {
  readonly seen: PowerSeen;
  /** What went wrong on the way although it ran to its end: an "off" that failed in a cycle. */
  readonly trouble: PowerError | undefined;
}

/**
 * Carries out one order and says what was seen at its end. Throws `Dropped` when the machine changed hands before a
 * call, else a `PowerError`. A cycle is off, seen off, a rest, on, seen on.
 */
export async function carryOut(job: Job, progress: Progress): Promise<Carried> {
  switch (job.order.verb) {
    case 'on':
    case 'off':
      return { seen: await reach(job, job.order.verb, progress), trouble: undefined };
    case 'reset':
      return { seen: await reset(job, progress), trouble: undefined };
    case 'cycle':
      return cycle(job, progress);
  }
}

/** A failed "off" never skips "on": the outlet may yet obey it, and whoever cycles wants the machine to run. */
async function cycle(job: Job, progress: Progress): Promise<Carried> {
  const offFailed = await goOff(job, progress);
  await pauseUnless(job.line.clock, job.restS * 1000, job.signal);
  if (!offFailed) return { seen: await reach(job, 'on', progress), trouble: undefined };
  try {
    const seen = await reach(job, 'on', progress);
    const now = seen.state === 'unknown' ? '' : `, and it is ${seen.state}`;
    const words = `off failed (${offFailed.message}); on was ordered all the same${now}: this was no power cycle`;
    return { seen, trouble: new PowerError(offFailed.code, words) };
  } catch (error) {
    if (!(error instanceof PowerError) || job.signal.aborted) throw error;
    const words = `off failed (${offFailed.message}), and on failed too (${error.message})`;
    throw new PowerError(error.code, `${words}; order "on" when it should run`);
  }
}

/** Errors with which nothing was switched and "on" would fare no better; a login refused twice may lock the account. */
const HOPELESS: readonly PowerErrorCode[] = ['auth', 'config', 'tool-missing'];

/** The first half of a cycle; gives back what kept the machine from being seen off. */
async function goOff(job: Job, progress: Progress): Promise<PowerError | undefined> {
  try {
    await reach(job, 'off', progress);
  } catch (error) {
    if (!(error instanceof PowerError) || job.signal.aborted) throw error;
    if (!progress.tookOff && HOPELESS.includes(error.code)) throw error;
    await mark(job, 'off-ordered', `not seen off: ${error.message}; it will be told to be on all the same`);
    return error;
  }
  progress.wentOff = true;
  const { words, durationMs } = sinceTold(job.line.clock, progress);
  const seen = { state: 'off', durationMs };
  await mark(job, 'off-seen', job.sees ? `seen off ${words}` : undefined, job.sees ? seen : {});
  return undefined;
}

function blind(job: Job, words: string): PowerSeen {
  return { state: 'unknown', atMs: job.line.clock.now(), because: words };
}

/** Orders a state until it has been seen. A device that says yes and does nothing ends as `no-effect`. */
async function reach(job: Job, want: 'on' | 'off', progress: Progress): Promise<PowerSeen> {
  // A plain order tells it in its first line already.
  const told = job.order.verb === 'cycle' ? `told to be ${want} (${job.driver})` : undefined;
  const call = guarded(job, `${want}-ordered`, told, progress, (handle, signal) => handle.set(want, signal));
  for (let round = 1; ; round += 1) {
    await askPatiently(job.line, call, job.signal);
    progress.tookOff ||= want === 'off';
    if (!job.sees) return blind(job, `ordered ${want}; this driver cannot see: say what you see`);
    const seen = await watch(job, want);
    if (seen.state === want) return seen;
    if (round === ROUNDS)
      throw new PowerError('no-effect', `it took "${want}" ${ROUNDS} times and is still ${seen.state}`);
    const { words } = sinceTold(job.line.clock, progress);
    await mark(job, `${want}-ordered`, `still ${seen.state} ${words}; told to be ${want} again (${job.driver})`);
  }
}

async function reset(job: Job, progress: Progress): Promise<PowerSeen> {
  const call = guarded(job, 'started', undefined, progress, async (handle, signal) => {
    if (!handle.reset) throw new PowerError('config', 'the driver declares "reset" and has none');
    await handle.reset(signal);
  });
  await askPatiently(job.line, { ...call, felt: true }, job.signal);
  return job.sees ? watch(job, 'on') : blind(job, 'reset; this driver cannot see: say what you see');
}

/**
 * A call that is made only for the owner who ordered it: his epoch is compared in the transaction that marks the step
 * and once more directly before the driver is called (invariant I4).
 */
function guarded(
  job: Job,
  step: PowerOrder['step'],
  words: string | undefined,
  progress: Progress,
  act: Call<void>['act'],
): Call<void> {
  let isMarked = false;
  const before = async (): Promise<void> => {
    // What was known before tells whether "on" begins a boot or finds the machine running.
    const was = { was: job.machine.powerSeen?.state ?? 'unknown' };
    if (!progress.called) await mark(job, 'started', orderedWords(job), was);
    if (!isMarked && step !== 'started') await mark(job, step, words);
    isMarked = true;
    const now = await job.machines.byId(job.machine.id);
    if (!now) throw new Dropped(`${job.machine.name} is gone`);
    if (now.ownerEpoch !== job.order.ownerEpoch) throw changedHands(job);
    if (!isSameSetting(now, job.machine)) throw new Dropped(`the power setting of ${now.name} was changed meanwhile`);
    const because = step === 'on-ordered' ? undefined : await job.whyNotCut();
    if (because !== undefined) throw new Dropped(because);
    progress.called = true;
    progress.toldMs = job.line.clock.monotonicMs();
  };
  return { before, act };
}

function orderedWords({ order, driver }: Job): string {
  const words = `power ${order.verb} ordered by ${order.by}`;
  return order.verb === 'cycle' ? words : `${words} (${driver})`;
}

function changedHands(job: Job): Dropped {
  return new Dropped(`${job.machine.name} changed hands before the order's turn came`);
}

async function mark(
  job: Job,
  step: PowerOrder['step'],
  words: string | undefined,
  seen: NewEvent['detail'] = {},
): Promise<void> {
  const { order, line, machine, driver } = job;
  const detail = { verb: order.verb, driver, step, ...seen };
  const events = words === undefined ? [] : [powerEvent(machine.id, line.clock.now(), 'note', words, detail)];
  if (!(await job.orders.step(order.id, step, words, events))) throw changedHands(job);
}

/** Whether two settings switch the same outlet the same way. */
function isSameSetting(a: Machine, b: Machine): boolean {
  const text = (machine: Machine): string =>
    JSON.stringify([machine.power?.driver, Object.entries(machine.power?.parameters ?? {}).sort()]);
  return text(a) === text(b);
}

/** Looks until the wanted state is seen or the driver's settling time has passed; then says what was seen last. */
async function watch(job: Job, want: 'on' | 'off'): Promise<PowerSeen> {
  const { clock } = job.line;
  const untilMs = clock.monotonicMs() + job.settleTimeoutMs;
  for (let looks = 0; ; looks += 1) {
    const seen = await look(job);
    if (!(seen instanceof PowerError)) await job.keep(seen);
    if (!(seen instanceof PowerError) && seen.state === want) return seen;
    if (clock.monotonicMs() >= untilMs) {
      if (seen instanceof PowerError) throw seen;
      return seen;
    }
    await pauseUnless(clock, LOOK_AGAIN_MS[looks] ?? LOOK_SLOWLY_MS, job.signal);
  }
}

/** One look. Errors that may pass (a BMC is often deaf while it switches) are given back, the others thrown. */
async function look(job: Job): Promise<PowerSeen | PowerError> {
  try {
    return await see(job.line, job.signal);
  } catch (error) {
    if (error instanceof PowerError && givesHope(error) && !job.signal.aborted) return error;
    throw error;
  }
}

/** Asks the device for its state, once. */
export async function see(line: Line, signal: AbortSignal): Promise<PowerSeen> {
  const call: Call<PowerSeen['state']> = { before: () => Promise.resolve(), act: (handle, own) => handle.query(own) };
  const state = await askOnce(line, call, signal);
  return {
    state,
    atMs: line.clock.now(),
    because: state === 'unknown' ? 'the device itself does not know' : undefined,
  };
}
