import type { ChildProcess } from 'node:child_process';
import { PowerError, type PowerEdges, type PowerErrorCode } from '../../server/ports/power-driver.ts';
import { endFamily, markOf, startProgram } from './program-family.ts';

/** Octets a program may print in all; one more and it is ended. */
const OUTPUT_MAX = 64 * 1024;
/** What a program leaves behind is known by this in its environment, which every child inherits. */
const MARK = 'FARRIER_CALL';
/** How long the pipes of a program that has ended may stay open. */
const LINGER_MS = 500;

/** One run of a program. */
export interface ProgramRun {
  /** Absolute and vouched for. */
  readonly path: string;
  readonly args: readonly string[];
  /** Written to its standard input, which is then closed. */
  readonly input: string;
  readonly timeoutMs: number;
  /** What it is called in errors. */
  readonly name: string;
}

/** What a program said until it ended by itself. */
export interface ProgramEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program once, in a process group of its own and with a clean environment. At its end, at the deadline, on abort
 * and when it prints more than 64 KiB, all that came of it is killed, also what left the group for a session of its own.
 * Throws `timeout`, `refused` (killed by a signal, too much output), `tool-missing` (cannot be started) or `busy` (somebody
 * is still writing it).
 */
export async function runToEnd(run: ProgramRun, edges: PowerEdges, signal: AbortSignal): Promise<ProgramEnd> {
  if (signal.aborted) throw new PowerError('timeout', `${run.name}: stopped waiting; not begun`);
  const mark = markOf(MARK, edges.rng);
  const child = startProgram({ ...run, folder: '/' }, mark);
  const watch = watchOver(child, run, { ...edges, mark: mark.text }, signal);
  try {
    return await watch.ended;
  } finally {
    watch.release();
    await endFamily(child, mark.text);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

interface Watch {
  readonly ended: Promise<ProgramEnd>;
  release(): void;
}

function watchOver(
  child: ChildProcess,
  run: ProgramRun,
  { clock, mark }: PowerEdges & { readonly mark: string },
  signal: AbortSignal,
): Watch {
  const cancels: (() => void)[] = [];
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    const giveUp = (code: PowerErrorCode, words: string, cause?: Error): void => {
      reject(new PowerError(code, `${run.name}: ${words}`, { cause }));
    };
    const stop = (): void => {
      giveUp('timeout', 'stopped waiting; ended');
    };
    signal.addEventListener('abort', stop, { once: true });
    cancels.push(
      clock.after(run.timeoutMs, () => {
        giveUp('timeout', `not done after ${run.timeoutMs} ms; ended`);
      }),
      () => {
        signal.removeEventListener('abort', stop);
      },
    );
    const said = gather(child, () => {
      giveUp('refused', `printed more than ${OUTPUT_MAX} octets; ended`);
    });
    child.once('error', (cause) => {
      giveUp('tool-missing', `cannot be run: ${cause.message}`, cause);
    });
    const settle = (code: number | null, killedBy: NodeJS.Signals | null): void => {
      if (code === null) giveUp('refused', `ended by signal ${String(killedBy)}`);
      else resolve({ code, ...said() });
    };
    child.once('close', settle);
    child.once('exit', (code, killedBy) => {
      // Whatever it left running holds its pipes open: that must not hold up the answer.
      void endFamily(child, mark);
      cancels.push(
        clock.after(LINGER_MS, () => {
          settle(code, killedBy);
        }),
      );
    });
    // A program need not read its input; a closed pipe is no failure of its own.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(run.input);
  });
  return {
    ended,
    release: () => {
      for (const cancel of cancels) cancel();
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
