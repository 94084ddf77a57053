import { spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { endChild } from '../lab/child-process.ts';
import type { LabHost } from '../lab/netns.ts';

/** A core for the server, another for the load: clients that wake a sleeping core are otherwise charged to the server. */
export const [SERVER_CPU, LOAD_CPU] = ['0', '1'];
const TICKS_PER_S = 100;

/** Whether a command could be run here. */
export function runs(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Binds this process, and with it the load it makes, to the load's core. */
export function takeLoadCore(): void {
  runs('taskset', '-a', '-p', '-c', LOAD_CPU, String(process.pid));
}

/** Starts a server on its core. */
export function startServer(host: LabHost, command: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return host.spawn('taskset', ['-c', SERVER_CPU, ...command], { stdio: ['ignore', 'ignore', 'inherit'], ...options });
}

/** Ends a server and waits until it is gone. */
export async function endServer(child: ChildProcess): Promise<void> {
  await endChild(child, { by: 'SIGTERM' });
}

function statOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return []; // it has ended meanwhile
  }
}

/** Processor time of a process and of its children that live, all threads, in seconds (proc(5): utime and stime). */
export function cpuSecondsOf(pid: number): number {
  const ours = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && (name === String(pid) || statOf(name)[1] === String(pid)),
  );
  const ticks = ours.map(statOf).map((fields) => Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_S;
}

/** The value below which so much of the samples lie: 0.5 is the median, 0.99 the p99. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

/** Looks again every few milliseconds until it is so; rejects after a minute. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('what was waited for did not come within a minute');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
