import type { Clock } from '../ports/clock.ts';
import type { ParameterStore } from '../ports/store.ts';
import type { BootSession } from './boot-sessions.ts';
import type { EventBuffer } from './event-buffer.ts';

/** What using one-shot parameters up needs. */
export interface UseOnceDeps {
  readonly parameters: Pick<ParameterStore, 'spend' | 'giveBack'>;
  readonly timeline: EventBuffer;
  readonly clock: Pick<Clock, 'now'>;
}

type Session = Pick<BootSession, 'id' | 'machine' | 'once'>;

/**
 * The one-shot values of this boot's plan are its own from now on, on disk before the kernel's first octet leaves: after
 * a crash no second boot gets them. May be asked again. @throws StoreUnavailable: then the kernel must not leave.
 */
export async function useOnce(deps: UseOnceDeps, session: Session): Promise<void> {
  if (session.once.length === 0) return;
  const count = session.once.length;
  const text = `${String(count)} parameter${count === 1 ? '' : 's'} set for one boot went to this one`;
  await deps.parameters.spend(session.once, session.id, [
    {
      ...{ atMs: deps.clock.now(), kind: 'edit', severity: 'note', machine: session.machine, boot: session.id, text },
      detail: { onceUsed: count },
    },
  ]);
}

/** A transfer of the kernel was cut: its boot has not happened, so that the next one gets the values. */
export function giveOnceBack(deps: UseOnceDeps, session: Session): void {
  if (session.once.length === 0) return;
  deps.parameters.giveBack(session.once, session.id).catch((error: unknown) => {
    deps.timeline.add({
      ...{ atMs: deps.clock.now(), kind: 'edit', severity: 'warning', machine: session.machine, boot: session.id },
      text: `its kernel was cut short, and the parameters set for one boot could not be kept for the next: ${String(error)}`,
      detail: {},
    });
  });
}
