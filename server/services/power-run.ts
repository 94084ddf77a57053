import type { NewEvent, Severity } from '../core/event.ts';
import { boardNameOf, type Machine } from '../core/machine.ts';
import type { PowerDriver } from '../ports/power-driver.ts';
import type { PowerOrder } from '../ports/store.ts';
import type { Lines, PowerDeps } from './power-lines.ts';
import { keptOrLogged } from './power-kept.ts';
import { carryOut, powerEvent, sinceTold, type Job, type Progress } from './power-order.ts';
import type { PowerOutcome } from './power-outcome.ts';

/** Seconds off in a cycle where the board says nothing: enough for most supplies' capacitors. */
const REST_S = 5;

/** Keeps the order, carries it out, and writes its end with the words of the machine's timeline. */
export async function runOrder(
  parts: PowerDeps & { readonly lines: Lines } & Pick<Job, 'whyNotCut'>,
  order: PowerOrder,
  machine: Machine,
  signal: AbortSignal,
): Promise<PowerOutcome> {
  const { store, lines, clock, log } = parts;
  const orders = order.verb === 'off' ? keptOrLogged(store, log) : store.powerOrders;
  await orders.add(order);
  const progress: Progress = { called: false, tookOff: false, wentOff: false, toldMs: undefined };
  const act = async (driver: PowerDriver): Promise<PowerOutcome> => {
    const job: Job = {
      order,
      machine,
      line: await lines.open(driver, machine),
      driver: driver.name,
      sees: driver.abilities.includes('status'),
      settleTimeoutMs: driver.settleTimeoutMs,
      restS: parts.boards.byName(boardNameOf(machine) ?? '')?.powerOffS ?? REST_S,
      signal,
      machines: store.machines,
      whyNotCut: parts.whyNotCut,
      orders,
      keep: (seen) => lines.keep(machine, seen),
    };
    const { seen, trouble } = await carryOut(job, progress);
    await lines.keep(machine, seen);
    return trouble ? { is: 'failed', code: trouble.code, because: trouble.message, seen } : { is: 'done', seen };
  };
  const outcome = await lines.use(machine, act, lines.keep);
  const end = worded(outcome, progress, signal.aborted);
  const told = toldAtEnd(order, end, sinceTold(clock, progress));
  const detail = { ...told.detail, verb: order.verb, driver: machine.power?.driver ?? 'none' };
  const event = powerEvent(machine.id, clock.now(), told.severity, told.text, detail);
  const step = end.is === 'refused' ? 'failed' : end.is;
  await orders.step(order.id, step, becauseOf(end), [event]);
  return end;
}

/** The words of an end that somebody brought about, and of a cycle that got stuck half-way. */
function worded(outcome: PowerOutcome, progress: Progress, isAborted: boolean): PowerOutcome {
  if (outcome.is === 'failed' && isAborted && !progress.called)
    return { is: 'dropped', because: 'aborted before the driver was called' };
  if (outcome.is === 'done' || outcome.is === 'refused' || !progress.wentOff) return outcome;
  const because = `${outcome.because}; it went off and was not seen on again: order "on" when it should run`;
  return { ...outcome, because };
}

function becauseOf(outcome: PowerOutcome): string | undefined {
  return outcome.is === 'done' ? outcome.seen.because : outcome.because;
}

interface Told {
  readonly severity: Severity;
  readonly text: string;
  readonly detail: NewEvent['detail'];
}

/** The last line of an order: `seen on after 1.2 s; power cycle done`. */
function toldAtEnd(order: PowerOrder, outcome: PowerOutcome, since: ReturnType<typeof sinceTold>): Told {
  const words = `power ${order.verb} by ${order.by}`;
  switch (outcome.is) {
    case 'done': {
      const { state, because } = outcome.seen;
      const detail = { state, durationMs: since.durationMs };
      if (because !== undefined)
        return { severity: 'note', text: `power ${order.verb} done, unseen: ${because}`, detail };
      const isPlain = order.verb === state;
      const text = `seen ${state} ${since.words}${isPlain ? '' : `; power ${order.verb} done`}`;
      return { severity: 'good', text, detail };
    }
    case 'dropped':
      return { severity: 'warning', text: `${words} dropped: ${outcome.because}`, detail: {} };
    case 'failed': {
      const detail = { code: outcome.code, state: outcome.seen.state };
      return { severity: 'bad', text: `${words} failed: ${outcome.because}`, detail };
    }
    case 'refused':
      return { severity: 'bad', text: `${words} refused: ${outcome.because}`, detail: {} };
  }
}
