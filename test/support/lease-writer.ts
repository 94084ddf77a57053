import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../server/store/sqlite/open.ts';
import { createFakeClock } from './fake-clock.ts';
import { createQuietLog } from './quiet-log.ts';
import { sampleLease } from './samples.ts';

/** The program to start: `node --import tsx LEASE_WRITER <database> <count>`. */
export const LEASE_WRITER = fileURLToPath(import.meta.url);

/** Renews four leases with each commit, and says its number on stdout only after the commit. */
async function renew(file: string, count: number): Promise<void> {
  const store = await openStore({ file, clock: createFakeClock(), log: createQuietLog() });
  const last = Math.max(0, ...(await store.leases.list()).map((lease) => lease.expiresMs));
  for (let n = last + 1; n <= last + count; n++) {
    await store.leases.commit([1, 2, 3, 4].map((each) => sampleLease(each, { expiresMs: n })));
    writeSync(1, `renewed ${String(n)}\n`);
  }
  await store.close();
}

if (process.argv[1] === LEASE_WRITER) await renew(process.argv[2] ?? '', Number(process.argv[3]));
