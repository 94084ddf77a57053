import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../server/ports/clock.ts';
import { labClock } from './lab-clock.ts';

/** Whether a child runs no more, whatever ended it; one that could not be started counts as ended. */
export function hasEnded(child: ChildProcess): boolean {
  // A child that a signal ended has no exit code, and one that never was has no pid.
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** Resolves when a child has ended; at once where it has already. */
export function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (hasEnded(child)) resolve();
    else
      child.once('exit', () => {
        resolve();
      });
  });
}

/** How a child is to end. */
export interface ChildEnd {
  /** A signal, SIGKILL unless told, or what else it takes for its end. */
  readonly by?: NodeJS.Signals | (() => void);
  /** How long it may take to end by itself before it gets SIGKILL. */
  readonly graceMs?: number;
  readonly clock?: Clock;
}

const GRACE_MS = 10_000;
/** Even a killed process stays until the kernel lets go of it, which a slow disk may delay. */
const KILLED_MS = 30_000;

/**
 * Ends a child and waits until it is gone; at once where it has ended already. False: it did not end by itself within
 * its grace and was killed. @throws Error when it is there even so
 */
export async function endChild(
  child: ChildProcess,
  { by = 'SIGKILL', graceMs = GRACE_MS, clock = labClock() }: ChildEnd = {},
): Promise<boolean> {
  if (hasEnded(child)) return true;
  const within = (ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      const cancel = clock.after(ms, () => {
        resolve(false);
      });
      void ended(child).then(() => {
        cancel();
        resolve(true);
      });
    });
  if (typeof by === 'string') child.kill(by);
  else by();
  if (await within(graceMs)) return true;
  child.kill('SIGKILL');
  if (await within(KILLED_MS)) return false;
  throw new Error(`process ${String(child.pid)} did not end within ${String(KILLED_MS / 1000)} s of SIGKILL`);
}

/** What a child says on its standard output and its standard error. */
export interface Said {
  /** All of it so far, or the end of it where it is very much. */
  readonly all: () => string;
  /** From here on, only what it says from here on counts. */
  readonly forget: () => void;
  /**
   * Resolves with all of it as soon as that is in it. Rejects, with the child's words, when the child ends without or
   * the time is up.
   */
  readonly has: (wanted: string | RegExp, timeoutMs: number) => Promise<string>;
  /** Resolves with all of it when the child has ended and nobody is left who could say more; rejects when the time is up. */
  readonly over: (timeoutMs: number) => Promise<string>;
}

/** How a child is listened to. */
export interface Hearing {
  /** `latin1` where octets count. */
  readonly encoding?: 'utf8' | 'latin1';
  /** So much of the end is kept, in characters. */
  readonly keep?: number;
  readonly clock?: Clock;
}

const KEEP = 4_000_000;

/** Listens to a child, on those of its streams that are pipes. To be called in the turn that starts it. */
export function saidBy(
  child: ChildProcess,
  { encoding = 'utf8', keep = KEEP, clock = labClock() }: Hearing = {},
): Said {
  let [text, isOver] = ['', false];
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const each of waiting) each();
  };
  const hear = (more: string): void => {
    text = (text + more).slice(-keep);
    look();
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding(encoding).on('data', hear);
  child.once('error', (cause) => {
    isOver ||= child.pid === undefined;
    hear(`${cause.message}\n`);
  });
  // Later than 'exit': the last of its words are read by then.
  child.once('close', () => {
    isOver = true;
    look();
  });
  const wait = (isSo: () => boolean, what: string, timeoutMs: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        settle();
        reject(new Error(`${child.spawnfile} ${why} before it ${what}:\n${text}`.trimEnd()));
      };
      const each = (): void => {
        if (isSo()) {
          settle();
          resolve(text);
        } else if (isOver) fail(`ended (${String(child.signalCode ?? child.exitCode)})`);
      };
      const cancel = clock.after(timeoutMs, () => {
        fail(`had ${String(timeoutMs / 1000)} s`);
      });
      const settle = (): void => {
        waiting.delete(each);
        cancel();
      };
      waiting.add(each);
      each();
    });
  return {
    all: () => text,
    forget: () => {
      text = '';
    },
    has: (wanted, timeoutMs) =>
      wait(
        () => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)),
        `said ${String(wanted)}`,
        timeoutMs,
      ),
    over: (timeoutMs) => wait(() => isOver, 'ended', timeoutMs),
  };
}
