import type { Severity } from '../core/event.ts';
import type { Machine, PowerSeen } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { PowerOrder, Store } from '../ports/store.ts';
import { powerEvent } from './power-order.ts';
import type { PowerOutcome } from './power-outcome.ts';

/** What settling needs: the state is asked through the same queues as everything else. */
export interface RecoverParts {
  readonly store: Pick<Store, 'machines' | 'powerOrders'>;
  readonly clock: Clock;
  readonly status: (machine: Machine) => Promise<PowerOutcome>;
}

interface Verdict {
  readonly step: 'done' | 'failed' | 'dropped';
  readonly severity: Severity;
  readonly because: string;
  /** What was seen after the restart. */
  readonly state?: PowerSeen['state'];
}

/**
 * Ends every order that a previous run left open, after at most one question to its device and without any order to it
 * (invariant I9). A cycle that was caught between off and on is not finished, for nobody knows how long ago that was
 * and who works on the machine now: it fails, loudly and with the remedy.
 */
export async function settleOpenOrders(parts: RecoverParts): Promise<void> {
  const open = await parts.store.powerOrders.open();
  await Promise.all(open.map((order) => settle(order, parts)));
}

async function settle(order: PowerOrder, { store, clock, status }: RecoverParts): Promise<void> {
  const machine = await store.machines.byId(order.machine);
  const verdict = await verdictOn(order, machine, status);
  const text = `power ${order.verb} by ${order.by} ${verdict.step} after a restart: ${verdict.because}`;
  const detail = { verb: order.verb, ...(verdict.state === undefined ? {} : { state: verdict.state }) };
  const events = machine ? [powerEvent(machine.id, clock.now(), verdict.severity, text, detail)] : [];
  await store.powerOrders.step(order.id, verdict.step, verdict.because, events);
}

async function verdictOn(
  order: PowerOrder,
  machine: Machine | undefined,
  status: RecoverParts['status'],
): Promise<Verdict> {
  if (!machine) return { step: 'dropped', severity: 'warning', because: 'the machine is gone' };
  if (machine.ownerEpoch !== order.ownerEpoch)
    return { step: 'dropped', severity: 'warning', because: 'the machine changed hands meanwhile' };
  if (order.step === 'asked')
    return { step: 'dropped', severity: 'warning', because: 'it had not begun; order again if it is still wanted' };
  const outcome = await status(machine);
  const seen = outcome.is === 'done' || outcome.is === 'failed' ? outcome.seen : undefined;
  return judge(order, seen);
}

/** What an order came to, from how far it had come and what is seen now. */
function judge(order: PowerOrder, seen: PowerSeen | undefined): Verdict {
  const state = seen?.state ?? 'unknown';
  const came = ((): boolean => {
    switch (order.verb) {
      case 'on':
      case 'off':
        return state === order.verb;
      case 'cycle':
        // Only behind "on-ordered" had it been seen off; before that an "on" would prove nothing.
        return order.step === 'on-ordered' && state === 'on';
      case 'reset':
        return false;
    }
  })();
  if (came) return { step: 'done', severity: 'good', because: `seen ${state}`, state };
  return {
    step: 'failed',
    severity: 'bad',
    because: `it was cut short; seen ${state}; ${remedyOf(order, state)}`,
    state,
  };
}

function remedyOf(order: PowerOrder, state: PowerSeen['state']): string {
  if (order.verb === 'cycle' && state === 'off') return 'it went off and stayed off: order "on" when it should run';
  if (order.verb === 'reset') return 'whether it was reset cannot be told; order again if it is still wanted';
  return `order "${order.verb}" again if it is still wanted`;
}
