import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { KitResult } from '../../server/services/driver-kit/run-kit.ts';
import type { DriverBench } from '../support/driver-bench.ts';

const FOLDER = new URL('../support/driver-benches/', import.meta.url);
const benches = readdirSync(FOLDER)
  .filter((name) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts'))
  .sort();

/** Rules that no bench may leave open: a device that cannot answer them is no bench. */
const ALWAYS = ['declaration', 'parameters', 'secrets-kept', 'nothing-left'];

const nameOf = (file: string): string => basename(file).replace(/\.[jt]s$/, '');
const line = ({ rule, verdict, because, tookMs }: KitResult): string =>
  `      ${verdict.padEnd(10)} ${rule.padEnd(15)} ${String(tookMs).padStart(6)} ms  ${because}`;

/** Every driver that comes with Farrier against its pretend device, or against the real peer where there is one. */
describe('the conformance kit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'farrier-trap-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  for (const file of benches)
    describe(nameOf(file), () => {
      let bench: DriverBench;
      let results: readonly KitResult[] = [];
      const path = join(folder, nameOf(file));

      before(async () => {
        // Benches are found, hence imported at run time; what they share with the kit must be one and the same module.
        const { runKit } = await import('../../server/services/driver-kit/run-kit.ts');
        const { kitEdges, targetOf } = await import('../support/driver-kit.ts');
        const imported: unknown = await import(`../support/driver-benches/${file}`);
        assert.ok(startsBench(imported), `${file} exports no startBench`);
        bench = await imported.startBench();
        results = await runKit(targetOf(bench), kitEdges({ path, sprung: () => existsSync(path) }));
        if (process.env['FARRIER_TEST_TALKS']) process.stdout.write(`${results.map(line).join('\n')}\n`);
      });
      after(() => bench.close());

      it('breaks no rule', () => {
        const failed = results.filter(({ verdict }) => verdict === 'fail');
        assert.deepEqual(failed.map(line), []);
      });

      it('was judged by the rules that need nothing of the device', () => {
        const passed = results.filter(({ verdict }) => verdict === 'pass').map(({ rule }) => rule);
        assert.deepEqual(
          ALWAYS.filter((rule) => !passed.includes(rule) && !(rule === 'secrets-kept' && !hasSecrets(bench))),
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

function startsBench(value: unknown): value is { startBench(): Promise<DriverBench> } {
  return typeof value === 'object' && value !== null && 'startBench' in value && typeof value.startBench === 'function';
}

function hasSecrets(bench: DriverBench): boolean {
  return Object.values(bench.driver.fields).some(({ kind }) => kind === 'secret');
}
