import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openProgramLine } from '../../power-drivers/common/program-line.ts';
import { pretendBeside, vouchForFile, vouchForFolder } from '../../power-drivers/trust.ts';
import type { Log } from '../ports/log.ts';
import { PowerError, type PowerEdges } from '../ports/power-driver.ts';
import { createKitEngine } from '../services/driver-kit/kit-engine.ts';
import type { KitEdges } from '../services/driver-kit/kit-rule.ts';
import type { PretendDevice } from '../services/driver-kit/pretend-target.ts';
import { openStore } from '../store/sqlite/open.ts';

/** A pretend device may compile itself first; an answer is a matter of moments, also on a busy host. */
const DEADLINES = { readyMs: 20_000, answerMs: 10_000 };

/** A pretend device that runs, and what a driver before it can be judged by besides. */
export interface OpenPretend {
  readonly device: PretendDevice;
  /** `edges` are those that drivers are called with. */
  readonly judgedWith: (edges: PowerEdges) => Pick<KitEdges, 'engine' | 'trap'>;
  /** Ends it with all that came of it, and removes its folder. */
  close(): Promise<void>;
}

/**
 * Starts the pretend device beside a driver's file, in an empty folder of its own; nothing where there is none. It is trusted as
 * the driver is. Throws a `PowerError`: `config` when it may not be run, and what `openProgramLine` throws.
 */
export async function openPretend(
  driverFile: string,
  edges: PowerEdges & { readonly log: Log },
): Promise<OpenPretend | undefined> {
  const file = pretendBeside(driverFile);
  if (!existsSync(file)) return undefined;
  for (const vouched of [await vouchForFolder(dirname(file)), await vouchForFile(file)])
    if (!vouched.ok) throw new PowerError('config', vouched.error);
    else if (typeof vouched.value !== 'string' && !vouched.value.isProgram)
      throw new PowerError('config', `${file} is not executable; run: chmod +x ${file}`);
  const folder = await mkdtemp(join(tmpdir(), 'farrier-pretend-'));
  const tidy = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const name = `the pretend device ${file}`;
    const line = await openProgramLine({ path: file, args: [], folder, name }, DEADLINES, edges);
    const store = await openStore({ ...edges, file: join(folder, '.kit.db') }).catch(async (cause: unknown) => {
      await line.close();
      throw cause;
    });
    const trap = join(folder, '.trap');
    return {
      device: { file, opening: line.opening, ask: (words) => line.ask(words) },
      judgedWith: (called) => ({
        engine: (driver, parameters) => createKitEngine({ ...edges, ...called, store }, driver, parameters),
        trap: { path: trap, sprung: () => existsSync(trap) },
      }),
      close: async () => {
        await line.close();
        await store.close();
        await tidy();
      },
    };
  } catch (cause) {
    await tidy();
    throw cause;
  }
}
