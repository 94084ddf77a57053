import { hexOf } from '../core/address.ts';
import type { Machine } from '../core/machine.ts';
import type { PowerOrder } from '../ports/store.ts';
import type { Actor } from './machines.ts';
import { pauseUnless } from './power-calls.ts';
import { Stopped } from './power-controller.ts';
import type { Lines, PowerDeps } from './power-lines.ts';
import { powerEvent } from './power-order.ts';
import type { OrderWay, PowerOutcome, PowerVerb } from './power-outcome.ts';
import { sharedRefusal, whyUnwise } from './power-refusal.ts';
import { runOrder } from './power-run.ts';

/** How long a console may take to open before the power goes on all the same. */
const CONSOLE_MS = 5000;

/** An order as it was given. */
export interface GivenOrder {
  /** As it was when the order was given. */
  readonly machine: Machine;
  readonly verb: PowerVerb;
  readonly by: Actor;
  readonly way: OrderWay;
}

/** Waits for the order's turn, asks whether it is wise, has the console opened, and then carries it out. */
export async function carry(
  parts: PowerDeps & { readonly lines: Lines },
  given: GivenOrder,
  signal: AbortSignal,
): Promise<PowerOutcome> {
  const { machine, verb, way } = given;
  try {
    if (way.delayMs !== undefined) await pauseUnless(parts.clock, way.delayMs, signal);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return told(parts, given, { is: 'dropped', because: 'aborted before its turn came' });
  }
  const refusal = await whyUnwise(parts, machine, verb, way);
  if (refusal) return told(parts, given, refusal);
  if (verb !== 'off') await openConsole(parts, machine, signal);
  const whyNotCut = async (): Promise<string | undefined> =>
    (await sharedRefusal(parts, machine, verb, way.force))?.because;
  return runOrder({ ...parts, whyNotCut }, newOrder(parts, given), machine, signal);
}

function newOrder({ rng, clock }: PowerDeps, { machine, verb, by, way }: GivenOrder): PowerOrder {
  const { id, ownerEpoch } = machine;
  return {
    ...{ id: hexOf(rng.octets(8)), machine: id, verb, ownerEpoch, askedMs: clock.now(), by },
    ...{ step: 'asked', because: undefined, isMachinery: way.isMachinery === true },
  };
}

/** Tells on the timeline what came of an order for whose answer nobody waits. */
export async function told(
  { store, clock }: Pick<PowerDeps, 'store' | 'clock'>,
  { machine, verb, by, way }: GivenOrder,
  outcome: Extract<PowerOutcome, { is: 'refused' | 'dropped' }>,
): Promise<PowerOutcome> {
  if (way.isMachinery !== true && way.isOneOfMany !== true) return outcome;
  const severity = outcome.is === 'refused' ? 'bad' : 'warning';
  const text = `power ${verb} by ${by} ${outcome.is}: ${outcome.because}`;
  const detail = { verb, driver: machine.power?.driver ?? 'none', code: outcome.is };
  await store.events.append([powerEvent(machine.id, clock.now(), severity, text, detail)]);
  return outcome;
}

/** Never keeps the power off: a console that does not open in time is a note on the timeline. */
async function openConsole(parts: PowerDeps, machine: Machine, signal: AbortSignal): Promise<void> {
  const { consoles, clock, store } = parts;
  if (!consoles) return;
  const own = new AbortController();
  const end = (): void => {
    own.abort();
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  let cancel = (): void => undefined;
  const late = new Promise<string>((resolve) => {
    cancel = clock.after(CONSOLE_MS, () => {
      resolve(`it did not open within ${CONSOLE_MS / 1000} s`);
    });
    own.signal.addEventListener('abort', () => {
      resolve('stopped waiting for it');
    });
  });
  const opened = consoles.ready(machine.id, own.signal).then(
    (ready) => (ready.ok ? undefined : ready.error),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const because = await Promise.race([opened, late]);
  cancel();
  end();
  signal.removeEventListener('abort', end);
  if (because === undefined) return;
  const text = `its console is not recorded from the first octet: ${because}`;
  await store.events.append([powerEvent(machine.id, clock.now(), 'note', text, {})]);
}
