import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../../lab/netns.ts';
import { StoreUnavailable } from '../../server/ports/store.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleEvent, sampleLease } from '../support/samples.ts';

describe('a full disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'farrier-full-'));
  before(() => tool('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]));
  after(async () => {
    await tool('umount', [folder]);
    rmdirSync(folder);
  });

  it('stops commits with words, leaves reads working, and mends without a restart', async () => {
    const store = await openStore({
      file: join(folder, 'farrier.db'),
      clock: createFakeClock(),
      log: createQuietLog(),
    });
    await store.leases.commit([sampleLease(1)]);
    const filler = join(folder, 'filler');
    for (let kib = 1024; kib >= 1; kib = Math.floor(kib / 2))
      try {
        writeFileSync(filler, Buffer.alloc(kib * 1024), { flag: 'a' });
      } catch {
        // What is left is less than this piece; the next is half of it.
      }
    const long = 'x'.repeat(20_000);
    await assert.rejects(
      store.events.append([sampleEvent(long)]),
      (error) => error instanceof StoreUnavailable && /disk/.test(error.message),
    );
    assert.deepEqual(await store.leases.list(), [sampleLease(1)]);
    assert.deepEqual(await store.events.list({ limit: 9 }), []);
    rmSync(filler);
    await store.events.append([sampleEvent(long)]);
    await store.leases.commit([sampleLease(2)]);
    assert.equal((await store.leases.list()).length, 2);
    assert.equal((await store.events.list({ limit: 9 })).length, 1);
    await store.close();
  });
});
