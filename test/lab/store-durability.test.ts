import { strict as assert } from 'node:assert';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { LEASE_WRITER } from '../support/lease-writer.ts';
import { createQuietLog } from '../support/quiet-log.ts';

const run = promisify(execFile);
const ROUNDS = 8;
/** Far longer than it takes: the host may be busy. */
const SOON_MS = 60_000;

describe('leases survive (invariant I2)', function () {
  this.timeout(300_000);
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-durable-'));
    file = join(folder, 'farrier.db');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Starts the writer, kills it -9 after its `killAt`-th line, gives the last number it said. */
  async function killedAfter(killAt: number): Promise<number> {
    const child = spawn(process.execPath, ['--import', 'tsx', LEASE_WRITER, file, '100000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = saidBy(child);
    await said.has(new RegExp(`(.*\\n){${String(killAt)}}`), SOON_MS);
    await endChild(child);
    const all = await said.over(SOON_MS);
    return Number(/renewed (\d+)\n$/.exec(all.slice(0, all.lastIndexOf('\n') + 1))?.[1]);
  }

  it('kill -9 at any moment: every commit that was told of is there, and none is torn', async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const told = await killedAfter(1 + ((round * 37) % 50));
      const store = await openStore({ file, clock: createFakeClock(), log: createQuietLog() });
      const kept = (await store.leases.list()).map((lease) => lease.expiresMs);
      await store.close();
      assert.equal(kept.length, 4);
      assert.equal(new Set(kept).size, 1, 'the leases of one commit are of one number');
      assert.ok((kept[0] ?? 0) >= told, `told of ${String(told)}, kept ${String(kept[0])}`);
    }
  });

  it('the WAL is synced before the commit is told of', async () => {
    const trace = join(folder, 'trace');
    const [count, args] = [25, ['-f', '-y', '-o', trace, '-e', 'trace=fsync,fdatasync,write,pwrite64']];
    await run('strace', [...args, process.execPath, '--import', 'tsx', LEASE_WRITER, file, String(count)]);
    const lines = readFileSync(trace, 'utf8').split('\n');
    const told = lines.flatMap((line, at) => (/ write\(1<.*"renewed \d+/.test(line) ? [at] : []));
    assert.equal(told.length, count);
    told.slice(1).forEach((at, index) => {
      const between = lines.slice(told[index], at);
      const written = between.findLastIndex((line) => /pwrite64\(\d+<[^>]*farrier\.db-wal>/.test(line));
      const synced = between.findLastIndex((line) => /f(data)?sync\(\d+<[^>]*farrier\.db-wal>/.test(line));
      assert.ok(written >= 0 && synced > written, `commit ${String(index + 2)}: ${between.join('\n')}`);
      const syncs = between.filter((line) => /f(data)?sync\(/.test(line));
      assert.equal(syncs.length, 1, 'one commit of four leases costs one sync');
    });
  });
});
