import { boardNameOf, type Machine } from '../core/machine.ts';
import type { PowerOrder } from '../ports/store.ts';
import type { Lines, PowerDeps } from './power-lines.ts';
import { keptOrLogged, type OrderBook } from './power-kept.ts';
import { carryOut, powerEvent, type Job, type Progress } from './power-order.ts';
import type { PowerOutcome } from './power-outcome.ts';

/** Seconds off in a cycle where the board says nothing: enough for most supplies' capacitors. */
const REST_S = 5;

/** Keeps the order, carries it out, and writes its end with the words of the machine's timeline. */
export async function runOrder(
  parts: PowerDeps & { readonly lines: Lines },
  order: PowerOrder,
  machine: Machine,
  signal: AbortSignal,
): Promise<PowerOutcome> {
  const { store, lines, clock, log } = parts;
  const orders = order.verb === 'off' ? keptOrLogged(store, log) : store.powerOrders;
  await orders.add(order);
  const progress: Progress = { called: false, wentOff: false };
  const outcome = await lines.use(machine, async (driver) => {
    const job: Job = {
      order,
      machine,
      line: await lines.open(driver, machine),
      sees: driver.abilities.includes('status'),
      settleTimeoutMs: driver.settleTimeoutMs,
      restS: parts.boards.byName(boardNameOf(machine) ?? '')?.powerOffS ?? REST_S,
      signal,
      machines: store.machines,
      orders,
      note: (seen) => lines.note(machine, seen),
    };
    const seen = await carryOut(job, progress);
    await lines.note(machine, seen);
    return { is: 'done', seen };
  });
  const end = worded(outcome, progress, signal.aborted);
  await writeEnd(orders, order, end, clock.now());
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

async function writeEnd(orders: OrderBook, order: PowerOrder, outcome: PowerOutcome, atMs: number): Promise<void> {
  const because = outcome.is === 'done' ? outcome.seen.because : outcome.because;
  const words = `power ${order.verb} by ${order.by}`;
  const tail = because === undefined ? '' : `: ${because}`;
  switch (outcome.is) {
    case 'done': {
      const text = `${words} done: ${outcome.seen.state}${tail}`;
      await orders.step(order.id, 'done', because, [powerEvent(order.machine, atMs, 'good', text)]);
      return;
    }
    case 'dropped':
      await orders.step(order.id, 'dropped', because, [
        powerEvent(order.machine, atMs, 'warning', `${words} dropped${tail}`),
      ]);
      return;
    case 'failed':
    case 'refused':
      await orders.step(order.id, 'failed', because, [
        powerEvent(order.machine, atMs, 'bad', `${words} failed${tail}`),
      ]);
  }
}
