import type { BootRecord, NewEvent } from '../core/event.ts';
import type { RawFacts } from '../core/raw-facts.ts';
import type { AgentOutcome, EnlistDeps } from './enlist-deps.ts';

/** What a booted system can say of itself: early, from its initrd, and when it is up. */
export const BOOT_SIGNALS = ['kernel-started', 'booted'] as const;
export type BootSignal = (typeof BOOT_SIGNALS)[number];

const WORDS: Readonly<Record<BootSignal, string>> = {
  'kernel-started': 'its kernel and initrd run',
  booted: 'it booted: the system is up',
};

/** Puts a signal on the timeline of its boot, with what its kernel saw; the token is void once it has booted. */
export async function takeSignal(
  deps: EnlistDeps,
  boot: BootRecord,
  signal: BootSignal,
  raw: RawFacts,
): Promise<AgentOutcome> {
  const machine = await deps.machines.byId(boot.machine);
  if (!machine) return { is: 'forbidden', because: 'the machine of this token is no longer known' };
  const bundle = boot.served?.bundle;
  const told: NewEvent = {
    ...{ atMs: deps.clock.now(), kind: 'boot', machine: machine.id, boot: boot.id, text: WORDS[signal] },
    severity: signal === 'booted' ? 'good' : 'note',
    detail: { signal, ...(bundle === undefined ? {} : { bundle }) },
  };
  await deps.events.append([...(await deps.seen(boot, raw)), told]);
  if (signal === 'booted') await deps.boots.setToken(boot.id, undefined);
  return { is: 'done', machine };
}
