import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  bundleFromDebianNetboot,
  bundleFromFolder,
  type BundleSource,
  type FolderOrder,
} from '../../agent/bundle-source.ts';
import { dtbFromDeb, dtbInFolder } from '../../agent/board-dtb.ts';
import { needConfig } from './need-config.ts';
import type { BundleFiles, CliWork, FolderImport, Say } from '../cli/deps.ts';
import { createLog } from '../edges/pino-log.ts';
import { formatIpv4 } from '../core/address.ts';
import { agentFiles } from './agent-files.ts';
import { newDriver } from './new-driver.ts';
import { startDaemon } from './daemon.ts';

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

/** Wires the commands' work. */
export function createCliWork(options: CliWorkOptions): CliWork {
  const folders = { cacheDir: options.cacheDir, outDir: join(options.cacheDir, 'built') };
  return {
    serve: (order) => serve(order, options),
    demo: options.demo,
    bundleFromFolder: async (order) => withoutLoaders(await bundleFromFolder(given(order))),
    bundleFromDebian: async (arch, say) => withoutLoaders(await bundleFromDebianNetboot({ ...folders, arch, say })),
    buildAgent: (arch, say, extras) => agentFiles(arch, say, { ...folders, extras }),
    dtbFromDeb: async (file, wanted) => {
      const { octets, ...words } = await dtbFromDeb(file, wanted);
      const folder = join(options.cacheDir, 'dtbs');
      await mkdir(folder, { recursive: true });
      const laid = join(folder, basename(wanted.path));
      await writeFile(laid, octets);
      return { file: laid, ...words };
    },
    newDriver,
    dtbInFolder,
  };
}

const withoutLoaders = (source: BundleSource): BundleFiles => ({ ...source, loaders: [] });

/** An absent field is left out: for the importer it is not one that is undefined. */
function given({ version, kernel, initrd, args, ...rest }: FolderImport): FolderOrder {
  return {
    ...rest,
    ...(version === undefined ? {} : { version }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(initrd === undefined ? {} : { initrd }),
    ...(args === undefined ? {} : { args }),
  };
}

async function serve(
  order: { readonly config: string | undefined; readonly force: boolean },
  { logLevel, untilSignalled, say }: CliWorkOptions,
): Promise<void> {
  if (order.config === undefined)
    throw new Error('there is no farrier.yaml here; "farrier config init" writes one, --config FILE names another');
  const config = needConfig(order.config);
  const signal = untilSignalled();
  const daemon = await startDaemon({ config, log: createLog(logLevel), force: order.force });
  const { address, port } = config.http;
  say(
    `Farrier serves ${daemon.networks.map((network) => network.name).join(', ')}; page at http://${formatIpv4(address)}:${String(port)}/`,
  );
  if (!signal.aborted)
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  await daemon.stop();
}
