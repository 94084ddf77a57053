import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseIpv4, parseMac, type Ipv4, type Mac } from '../core/address.ts';

const run = promisify(execFile);
const IP_TIMEOUT_MS = 1000;

/** What the kernel knows of a neighbour's hardware address. */
export interface Neighbour {
  readonly mac: Mac;
  /** Confirmed within the last half minute or so, not only remembered. */
  readonly isReachable: boolean;
}

/** The neighbours of an interface by address. @throws when `ip` fails. */
export type ReadNeighbours = (device: string) => Promise<ReadonlyMap<Ipv4, Neighbour>>;

/** Reads `ip -4 neigh show dev DEVICE`; callers that ask for one device at the same time share one run of `ip`. */
export function sharedNeighbours(): ReadNeighbours {
  const underWay = new Map<string, Promise<ReadonlyMap<Ipv4, Neighbour>>>();
  return (device) => {
    const known = underWay.get(device);
    if (known) return known;
    const reading = readNeighbours(device).finally(() => underWay.delete(device));
    underWay.set(device, reading);
    return reading;
  };
}

async function readNeighbours(device: string): Promise<ReadonlyMap<Ipv4, Neighbour>> {
  const args = ['-4', 'neigh', 'show', 'dev', device];
  const { stdout } = await run('ip', args, { timeout: IP_TIMEOUT_MS, maxBuffer: 16 << 20 });
  return parseNeighbours(stdout);
}

/** Reads lines such as `10.77.0.9 lladdr 52:54:00:00:00:09 REACHABLE`; those without a hardware address do not count. */
export function parseNeighbours(text: string): ReadonlyMap<Ipv4, Neighbour> {
  const found = new Map<Ipv4, Neighbour>();
  for (const line of text.split('\n')) {
    const [, address = '', lladdr = '', state = ''] = /^(\S+) .*?lladdr (\S+).* (\S+)\s*$/.exec(line) ?? [];
    const [ip, mac] = [parseIpv4(address), parseMac(lladdr)];
    if (ip.ok && mac.ok) found.set(ip.value, { mac: mac.value, isReachable: state === 'REACHABLE' });
  }
  return found;
}
