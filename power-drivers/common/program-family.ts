import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hexOf } from '../../server/core/address.ts';
import { PowerError } from '../../server/ports/power-driver.ts';
import type { Rng } from '../../server/ports/rng.ts';

/** Where programs are looked for; last where the Node is that runs this, for scripts in JavaScript. */
const PATH = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${dirname(process.execPath)}`;
/** A killed family may have forked once more meanwhile. */
const SWEEPS = 3;

/** What all that comes of one program is known by: a variable of its environment, which every child inherits. */
export interface FamilyMark {
  /** `NAME=number`, as it stands in `/proc/PID/environ`. */
  readonly text: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A mark under this name that no other program has. */
export function markOf(name: string, rng: Rng): FamilyMark {
  const number = hexOf(rng.octets(8));
  return { text: `${name}=${number}`, environment: { [name]: number } };
}

/** A program to be started. */
export interface ProgramStart {
  /** Absolute and vouched for. */
  readonly path: string;
  readonly args: readonly string[];
  /** The folder it works in. */
  readonly folder: string;
  /** What it is called in errors. */
  readonly name: string;
}

/**
 * Starts a program as the head of a family: a process group of its own, the mark, and nothing of the daemon's environment.
 * Throws `tool-missing`, or `busy` while somebody is still writing it; other failures come as the child's `error`.
 */
export function startProgram(run: ProgramStart, mark: FamilyMark): ChildProcessWithoutNullStreams {
  const env = { PATH, LANG: 'C.UTF-8', ...mark.environment };
  try {
    return spawn(run.path, [...run.args], { cwd: run.folder, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (cause) {
    // Node gives some errors of execve as events and throws the others.
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new PowerError(words.includes('ETXTBSY') ? 'busy' : 'tool-missing', `${run.name}: cannot be run: ${words}`);
  }
}

/**
 * Ends all that came of a program which leads a group of its own: at once what is in the group, then what left it for a
 * session of its own and still has the mark.
 */
export async function endFamily(child: ChildProcess, mark: string): Promise<void> {
  if (child.pid === undefined) return;
  // It leads the group, so the group's number is its own.
  kill(-child.pid);
  await killEscaped(child.pid, mark);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing of it is left, which is what is wanted.
  }
}

/** Ends what left the group, as daemons do: it is found by the mark in its environment. */
async function killEscaped(pid: number, mark: string): Promise<void> {
  for (let sweep = 1; sweep <= SWEEPS; sweep += 1) {
    const born = await bornSince(pid);
    const marked = await Promise.all(
      born.map(async (each) => ((await environmentOf(each)).includes(mark) ? [each] : [])),
    );
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
