import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { PowerError, type PowerEdges, type PowerErrorCode } from '../../server/ports/power-driver.ts';

/** Octets a program may print in all; one more and it is ended. */
const OUTPUT_MAX = 64 * 1024;
/** Nothing of the daemon's own environment reaches a program. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
/** What a program leaves behind is known by this in its environment, which every child inherits. */
const MARK = 'FARRIER_CALL';
/** A killed family may have forked once more meanwhile. */
const SWEEPS = 3;
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
  const mark = `${MARK}=${Buffer.from(edges.rng.octets(8)).toString('hex')}`;
  const [key = '', value = ''] = mark.split('=');
  const child = start(run, { ...ENVIRONMENT, [key]: value });
  const watch = watchOver(child, run, { ...edges, mark }, signal);
  try {
    return await watch.ended;
  } finally {
    watch.release();
    killGroup(child);
    await killEscaped(child, mark);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function start(run: ProgramRun, env: NodeJS.ProcessEnv): ChildProcessWithoutNullStreams {
  try {
    return spawn(run.path, [...run.args], { cwd: '/', env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (cause) {
    // Node gives some errors of execve as events and throws the others.
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new PowerError(words.includes('ETXTBSY') ? 'busy' : 'tool-missing', `${run.name}: cannot be run: ${words}`);
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
      killGroup(child);
      void killEscaped(child, mark);
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

/** Ends what the program may have left behind in its group. It leads it, so the group's number is its own. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  kill(-child.pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing of it is left, which is what is wanted.
  }
}

/** Ends what left the group, as daemons do: it is found by the mark in its environment. */
async function killEscaped(child: ChildProcess, mark: string): Promise<void> {
  if (child.pid === undefined) return;
  for (let sweep = 1; sweep <= SWEEPS; sweep += 1) {
    const born = await bornSince(child.pid);
    const marked = await Promise.all(born.map(async (pid) => ((await environmentOf(pid)).includes(mark) ? [pid] : [])));
    const found = marked.flat();
    found.forEach(kill);
    if (found.length === 0) return;
  }
}

async function environmentOf(pid: number): Promise<Buffer> {
  return readFile(`/proc/${pid}/environ`).catch(() => Buffer.alloc(0));
}

/** Processes that were started after this one. Numbers are given out in turn, and `/proc/loadavg` tells the last one. */
async function bornSince(pid: number): Promise<readonly number[]> {
  try {
    const [load, names] = await Promise.all([readFile('/proc/loadavg', 'utf8'), readdir('/proc')]);
    const last = Number(load.trim().split(' ').at(-1));
    const isBorn = (each: number): boolean =>
      last >= pid ? each > pid && each <= last : each > pid || (each > 0 && each <= last);
    return names.map(Number).filter(isBorn);
  } catch {
    // Without /proc the group is all that can be known.
    return [];
  }
}
