import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseIpv4, type Ipv4 } from '../core/address.ts';

const run = promisify(execFile);
const IP_TIMEOUT_MS = 2000;

/** The interface of the host itself: a lab may serve it on high ports, and it has no strangers on it. */
export const LOOPBACK = 'lo';

/** An interface with at least one IPv4 address. */
export interface HostInterface {
  readonly name: string;
  /** Changes when the interface is deleted and made again; a socket is tied to the index, not to the name. */
  readonly index: number;
  readonly addresses: readonly Ipv4[];
}

/** Whether an interface has an address; loopback has all of 127/8 (RFC 1122 §3.2.1.3). */
export function hasAddress(one: HostInterface, address: Ipv4): boolean {
  return one.addresses.includes(address) || (one.name === LOOPBACK && address >>> 24 === 127);
}

/**
 * The host's interfaces with IPv4 addresses, from `ip -j -4 addr` (4 ms), by name. Node's own list hides interfaces without carrier:
 * a cable that is out, a tap whose machine is off. @throws when `ip` (package iproute2) is missing or fails.
 */
export async function listInterfaces(): Promise<ReadonlyMap<string, HostInterface>> {
  const { stdout } = await run('ip', ['-j', '-4', 'addr'], { timeout: IP_TIMEOUT_MS });
  return new Map(parseInterfaces(stdout).map((each) => [each.name, each]));
}

/** Reads what `ip -j addr` prints; rows of another shape are passed over. */
export function parseInterfaces(json: string): readonly HostInterface[] {
  const rows: unknown = JSON.parse(json);
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown) => {
    const [name, index] = [fieldOf(row, 'ifname'), fieldOf(row, 'ifindex')];
    if (typeof name !== 'string' || typeof index !== 'number') return [];
    return [{ name, index, addresses: addressesOf(fieldOf(row, 'addr_info')) }];
  });
}

function addressesOf(rows: unknown): readonly Ipv4[] {
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown) => {
    const local = fieldOf(row, 'local');
    const parsed = typeof local === 'string' ? parseIpv4(local) : undefined;
    return parsed?.ok ? [parsed.value] : [];
  });
}

function fieldOf(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null ? Object.entries(row).find(([key]) => key === name)?.[1] : undefined;
}
