import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { KitResult } from '../../server/services/driver-kit/run-kit.ts';
import type { Judgement } from '../support/judge-driver.ts';

const SUPPORT = fileURLToPath(new URL('../support/', import.meta.url));
const benches = readdirSync(join(SUPPORT, 'driver-benches'))
  .filter((name) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts'))
  .sort();

/** Most of judging is waiting for silent devices; more at once would make the others wait for the processor. */
const AT_ONCE = 6;
const JUDGED_WITHIN_MS = 300_000;
/** Rules that no bench may leave open: a device that cannot answer them is no bench. */
const ALWAYS = ['declaration', 'parameters', 'secrets-kept', 'nothing-left'];

const run = promisify(execFile);
const nameOf = (file: string): string => basename(file).replace(/\.[jt]s$/, '');
const line = ({ rule, verdict, because, tookMs }: KitResult): string =>
  `      ${verdict.padEnd(10)} ${rule.padEnd(15)} ${String(tookMs).padStart(6)} ms  ${because}`;

/** Every driver that comes with Farrier against its pretend device, or against the real peer where there is one. */
describe('the conformance kit', function () {
  this.timeout(JUDGED_WITHIN_MS + 60_000);
  const folder = mkdtempSync(join(tmpdir(), 'farrier-trap-'));
  const judged = new Map<string, Promise<Judgement>>();

  before(() => {
    const waiting = [...benches];
    const lanes = Array.from({ length: AT_ONCE }, () => Promise.resolve());
    waiting.forEach((file, nth) => {
      const lane = nth % AT_ONCE;
      const before = lanes[lane] ?? Promise.resolve();
      const own = before.then(() => judge(file));
      // Whose test asks for it hears of a failure.
      lanes[lane] = own.then(nothing, nothing);
      own.catch(nothing);
      judged.set(file, own);
    });
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  async function judge(file: string): Promise<Judgement> {
    const args = ['--import', 'tsx', join(SUPPORT, 'judge-driver.ts'), file, join(folder, nameOf(file))];
    const { stdout } = await run(process.execPath, args, { timeout: JUDGED_WITHIN_MS, maxBuffer: 1 << 24 });
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Judgement;
  }

  for (const file of benches)
    describe(nameOf(file), () => {
      it('breaks no rule', async () => {
        const { results } = (await judged.get(file)) ?? assert.fail();
        if (process.env['FARRIER_TEST_TALKS']) process.stdout.write(`${results.map(line).join('\n')}\n`);
        assert.deepEqual(results.filter(({ verdict }) => verdict === 'fail').map(line), []);
      });

      it('was judged by the rules that need nothing of the device', async () => {
        const { results, hasSecret } = (await judged.get(file)) ?? assert.fail();
        const passed = results.filter(({ verdict }) => verdict === 'pass').map(({ rule }) => rule);
        assert.deepEqual(
          ALWAYS.filter((rule) => !passed.includes(rule) && !(rule === 'secrets-kept' && !hasSecret)),
          [],
        );
      });
    });

  it('has a bench for every driver that comes with Farrier', async () => {
    const { createPowerDrivers } = await import('../../power-drivers/index.ts');
    const { realEdges } = await import('../support/ipmi-crypto.ts');
    const { createQuietLog } = await import('../support/quiet-log.ts');
    const shipped = await createPowerDrivers([], { ...realEdges, log: createQuietLog() });
    shipped.close();
    const names = benches.map((file) => nameOf(file));
    // A person with a finger on a button has no simulator.
    const without = shipped
      .list()
      .filter(({ name }) => name !== 'manual' && !names.some((each) => each.startsWith(name)));
    assert.deepEqual(
      without.map(({ name }) => name),
      [],
    );
  });
});

function nothing(): void {
  // Told where it is waited for.
}
