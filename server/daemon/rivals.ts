import type { Network } from '../core/lease.ts';
import { LOOPBACK } from '../net/interfaces.ts';
import { sharedNeighbours } from '../net/neighbours.ts';
import { probeMeans } from '../net/probe-address.ts';
import { describeRival, findRivals, type Rival } from '../net/rival.ts';
import { udpOnDevice } from '../net/udp-on-device.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Rng } from '../ports/rng.ts';

/** Another DHCP server answers where Farrier is to serve. */
export class RivalFound extends Error {
  override readonly name = 'RivalFound';
}

/**
 * Asks on each interface where we give the addresses whether another DHCP server answers, for a moment, and refuses to
 * start beside one. With `force` it only says so. @throws RivalFound
 */
export async function refuseRivals(
  networks: readonly Network[],
  force: boolean,
  edges: { readonly clock: Clock; readonly rng: Rng; readonly log: Log },
): Promise<void> {
  const served = networks.filter(
    ({ dhcp, interface: device }) => dhcp === 'full' && device !== undefined && device !== LOOPBACK,
  );
  const found = (await Promise.all(served.map((network) => look(network, edges)))).flat();
  if (found.length === 0) return;
  const names = found.map(describeRival).join('; ');
  if (!force)
    throw new RivalFound(
      `another DHCP server answers: ${names}. Two servers give boards two answers. Switch it off, or start with --force`,
    );
  edges.log.warn(`another DHCP server answers, and --force was given: ${names}`);
}

async function look(
  network: Network,
  edges: { readonly clock: Clock; readonly rng: Rng; readonly log: Log },
): Promise<readonly Rival[]> {
  try {
    const { knock } = probeMeans(edges.clock);
    const world = { ...edges, open: udpOnDevice, neighbours: sharedNeighbours(), knock };
    return await findRivals(network.interface ?? '', network.address, world);
  } catch (error) {
    edges.log.warn(`no look-out for other DHCP servers on ${network.interface ?? ''}: ${String(error)}`);
    return [];
  }
}
