import { existsSync } from 'node:fs';
import type { KitResult } from '../../server/services/driver-kit/run-kit.ts';
import { runKit } from '../../server/services/driver-kit/run-kit.ts';
import type { DriverBench } from './driver-bench.ts';
import { kitEdges, targetOf } from './driver-kit.ts';

/** What the conformance kit said of one bench. */
export interface Judgement {
  readonly results: readonly KitResult[];
  /** Whether the bench gives the driver a secret at all. */
  readonly hasSecret: boolean;
}

// A program of its own for each bench: the kit counts what a process leaves open, and many can then be judged at once.
const [file = '', trap = ''] = process.argv.slice(2);
const imported: unknown = await import(`./driver-benches/${file}`);
if (!startsBench(imported)) throw new Error(`${file} exports no startBench`);
const bench = await imported.startBench();
try {
  const results = await runKit(targetOf(bench), kitEdges({ path: trap, sprung: () => existsSync(trap) }));
  const hasSecret = Object.keys(bench.parameters).some((name) => bench.driver.fields[name]?.kind === 'secret');
  const judgement: Judgement = { results, hasSecret };
  process.stdout.write(`${JSON.stringify(judgement)}\n`);
} finally {
  await bench.close();
}

function startsBench(value: unknown): value is { startBench(): Promise<DriverBench> } {
  return typeof value === 'object' && value !== null && 'startBench' in value && typeof value.startBench === 'function';
}
