import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexOf } from '../../server/core/address.ts';
import { pause, type Clock } from '../../server/ports/clock.ts';
import { createProgramWatch } from '../../server/edges/program-watch.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { until } from '../support/until.ts';

const SECRET = 'canary-of-a-watch';
/** Leaves a program in a session of its own and without a mark, and works on until it may end. */
const LEAVES = 'setsid env -i sh -c "echo \\$\\$ >pid; exec sleep 600" & while [ ! -e end ]; do sleep 0.01; done';

/** Real timers, but what is killed has a fortieth of the time to be gone. */
const hasty: Clock = { ...realEdges.clock, monotonicMs: () => realEdges.clock.monotonicMs() * 40 };

describe('the watch over the programs of a driver', () => {
  let folder: DriverFolder;
  beforeEach(async () => {
    folder = await createDriverFolder();
  });
  afterEach(async () => {
    if (sleeper() > 1) process.kill(sleeper(), 'SIGKILL');
    await folder.remove();
  });

  /** The number of the program that was left; 0 where none was. */
  const sleeper = (): number => {
    const file = join(folder.path, 'pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  };

  /** Runs a shell line as drivers' programs are run, marked by what `mark` makes of a drawn number, for a few looks. */
  async function watched(shell: string, mark: (drawn: string) => string, isPretend = false) {
    const programs = createProgramWatch({ ...realEdges, clock: hasty });
    const watch = programs.watch([SECRET]);
    const env = { PATH: process.env['PATH'], FARRIER_CALL: mark(hexOf(programs.rng.octets(8))) };
    const marked = isPretend ? { ...env, FARRIER_PRETEND: 'x' } : env;
    const child = spawn('/bin/sh', ['-c', shell, 'sh', SECRET], { cwd: folder.path, env: marked, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await until('it has left what it leaves', () => !shell.includes('pid') || sleeper() > 1);
    // The watch looks each 25 ms on this very clock, so it looks in between, however slow this host is.
    await pause(hasty, 100);
    await folder.drop('end', '');
    await ended;
    return watch.stop();
  }

  it('names a program that a call left behind, also one that shed the mark', async () => {
    const { left } = await watched(LEAVES, (drawn) => drawn);
    assert.equal(left.length, 1);
    assert.ok(left[0]?.endsWith(` (process ${sleeper()})`), left[0]);
  });

  it('says nothing of what was left by somebody else', async () => {
    assert.deepEqual((await watched(LEAVES, () => 'another')).left, []);
  });

  const waits = 'while [ ! -e end ]; do sleep 0.01; done';
  it('sees a secret among arguments, but for a pretend device, which has no secrets', async () => {
    assert.deepEqual((await watched(waits, (drawn) => drawn)).shown, ['the arguments of a process']);
    await folder.remove();
    folder = await createDriverFolder();
    assert.deepEqual((await watched(waits, (drawn) => drawn, true)).shown, []);
  });
});
