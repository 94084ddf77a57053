import { join } from 'node:path';
import type { CliWork, Say } from '../cli/deps.ts';

/** What the commands do beyond calling the API. */
export interface CliWorkOptions {
  /** Downloads and built files; may be deleted at any time. */
  readonly cacheDir: string;
  readonly logLevel: string;
  /** Raised by SIGINT and SIGTERM from the first call on; before it they end the process as usual. */
  readonly untilSignalled: () => AbortSignal;
  readonly say: Say;
  readonly demo: CliWork['demo'];
}

/** Wires the commands' work. Each loads what it needs when it is called: most commands only speak to a daemon. */
export function createCliWork(options: CliWorkOptions): CliWork {
  const { cacheDir } = options;
  const folders = { cacheDir, outDir: join(cacheDir, 'built') };
  return {
    serve: async (order) => (await import('./serve.ts')).serve(order, options),
    demo: options.demo,
    bundleFromFolder: async (order) => (await import('./import-files.ts')).folderFiles(order),
    bundleFromDebian: async (arch, say) => (await import('./import-files.ts')).debianFiles({ ...folders, arch, say }),
    buildAgent: async (arch, say, extras) =>
      (await import('./agent-files.ts')).agentFiles(arch, say, { ...folders, extras }),
    dtbFromDeb: async (file, wanted) => (await import('./import-files.ts')).dtbFile(cacheDir, file, wanted),
    newDriver: async (draft) => (await import('./new-driver.ts')).newDriver(draft),
    dtbInFolder: async (folder, wanted) => (await import('./import-files.ts')).dtbInFolder(folder, wanted),
  };
}
