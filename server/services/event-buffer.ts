import type { NewEvent } from '../core/event.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { EventStore } from '../ports/store.ts';

const FLUSH_MS = 50;
const HELD_MAX = 20_000;

/**
 * Timeline events that tell of packets, not of state: they are written in batches, so that a storm of boards costs
 * one transaction every 50 ms and not one for each packet. State changes never go this way (invariant I7).
 */
export interface EventBuffer {
  add(event: NewEvent): void;
  /** Writes what is held now. */
  flush(): Promise<void>;
  /** How many were dropped because the store could not keep up. */
  readonly dropped: number;
}

/** A buffer in front of the event store. */
export function createEventBuffer(deps: {
  readonly events: Pick<EventStore, 'append'>;
  readonly clock: Clock;
  readonly log: Log;
}): EventBuffer {
  let held: NewEvent[] = [];
  let dropped = 0;
  let timer: (() => void) | undefined;

  const flush = async (): Promise<void> => {
    timer?.();
    timer = undefined;
    const batch = held;
    held = [];
    if (batch.length === 0) return;
    try {
      await deps.events.append(batch);
    } catch (error) {
      dropped += batch.length;
      deps.log.error(`${String(batch.length)} timeline events were lost: ${String(error)}`);
    }
  };

  return {
    add: (event) => {
      if (held.length >= HELD_MAX) {
        dropped += 1;
        return;
      }
      held.push(event);
      timer ??= deps.clock.after(FLUSH_MS, () => void flush());
    },
    flush,
    get dropped() {
      return dropped;
    },
  };
}
