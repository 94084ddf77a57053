import { spawn, type ChildProcess } from 'node:child_process';
import type { Clock } from '../../server/ports/clock.ts';
import { PowerError, type PowerErrorCode } from '../../server/ports/power-driver.ts';

/** Octets a program may print in all; one more and it is ended. */
const OUTPUT_MAX = 64 * 1024;
/** Nothing of the daemon's own environment reaches a driver. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** One run of a program. */
export interface ChildCall {
  /** Absolute and vouched for. */
  readonly path: string;
  /** Never a secret: everybody on the host can read them. */
  readonly args: readonly string[];
  /** What it gets on its standard input, secrets among it. */
  readonly input: string;
  /** How errors name the call. */
  readonly name: string;
  readonly timeoutMs: number;
}

/** A program that has ended by itself. */
export interface ChildEnded {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program once, in a process group of its own, in `/`, with a clean environment. The whole group is killed at
 * the deadline, on abort, when it prints more than 64 KiB, and when the program itself has ended. Throws a
 * `PowerError`: `timeout`, `refused` (too much output, ended by a signal), `tool-missing`.
 */
export async function runChild(call: ChildCall, clock: Clock, signal: AbortSignal): Promise<ChildEnded> {
  const child = spawn(call.path, [...call.args], {
    cwd: '/',
    env: ENVIRONMENT,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const watch = watchOver(child, call, clock, signal);
  try {
    return await watch.ended;
  } finally {
    watch.release();
    killGroup(child);
  }
}

function watchOver(
  child: ChildProcess,
  call: ChildCall,
  clock: Clock,
  signal: AbortSignal,
): { readonly ended: Promise<ChildEnded>; release(): void } {
  let release = (): void => undefined;
  const ended = new Promise<ChildEnded>((resolve, reject) => {
    const giveUp = (code: PowerErrorCode, words: string, cause?: Error): void => {
      reject(new PowerError(code, `${call.name}: ${words}`, { cause }));
    };
    const cancel = clock.after(call.timeoutMs, () => {
      giveUp('timeout', `not done after ${call.timeoutMs} ms; ended`);
    });
    const stop = (): void => {
      giveUp('timeout', 'stopped waiting; ended');
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    release = () => {
      cancel();
      signal.removeEventListener('abort', stop);
    };
    const said = gather(child, () => {
      giveUp('refused', `printed more than ${OUTPUT_MAX} octets; ended`);
    });
    child.once('error', (cause) => {
      giveUp('tool-missing', `cannot be run: ${cause.message}`, cause);
    });
    child.once('close', (code, killedBy) => {
      if (code === null) giveUp('refused', `ended by signal ${String(killedBy)}`);
      else resolve({ code, ...said() });
    });
    // A program need not read its input; a closed pipe is no failure of its own.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(call.input);
  });
  return {
    ended,
    release: () => {
      release();
    },
  };
}

function gather(child: ChildProcess, tooMuch: () => void): () => { stdout: string; stderr: string } {
  const said: { readonly stdout: Buffer[]; readonly stderr: Buffer[] } = { stdout: [], stderr: [] };
  let octets = 0;
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.on('data', (chunk: Buffer) => {
      octets += chunk.length;
      if (octets > OUTPUT_MAX) tooMuch();
      else said[name].push(chunk);
    });
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString();
  return () => ({ stdout: text(said.stdout), stderr: text(said.stderr) });
}

/** Ends what the program may have left behind. It leads its group, so the group's number is its own. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing of it is left, which is what is wanted.
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}
