import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../server/store/sqlite/open.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { describeStoreContract } from '../support/store-contract.ts';

describe('stores', () => {
  const folder = mkdtempSync(join(tmpdir(), 'farrier-store-'));
  let count = 0;

  after(() => {
    rmSync(folder, { recursive: true });
  });

  describeStoreContract('the memory store', () => {
    const clock = createFakeClock();
    return Promise.resolve({ store: createMemoryStore(clock), clock });
  });

  describeStoreContract('SQLite', async () => {
    const clock = createFakeClock();
    const file = join(folder, `${String(count++)}.db`);
    return { store: await openStore({ file, clock, log: createQuietLog() }), clock };
  });
});
