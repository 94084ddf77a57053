import { formatIpv4 } from '../core/address.ts';
import { createLog } from '../edges/pino-log.ts';
import type { CliWork, Say } from '../cli/deps.ts';
import { startDaemon } from './daemon.ts';
import { needConfig } from './need-config.ts';

/** Runs the daemon until it is signalled. Throws when the configuration is unsound, or somebody else serves there. */
export async function serve(
  order: Parameters<CliWork['serve']>[0],
  edges: { readonly logLevel: string; readonly untilSignalled: () => AbortSignal; readonly say: Say },
): Promise<void> {
  if (order.config === undefined)
    throw new Error('there is no farrier.yaml here; "farrier config init" writes one, --config FILE names another');
  const config = needConfig(order.config);
  const signal = edges.untilSignalled();
  const daemon = await startDaemon({ config, log: createLog(edges.logLevel), force: order.force });
  const { address, port } = config.http;
  edges.say(
    `Farrier serves ${daemon.networks.map((network) => network.name).join(', ')}; page at http://${formatIpv4(address)}:${String(port)}/`,
  );
  if (!signal.aborted)
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  await daemon.stop();
}
