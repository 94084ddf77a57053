import { execFile } from 'node:child_process';
import dgram from 'node:dgram';
import { formatIpv4, type Ipv4, type Mac } from '../core/address.ts';
import type { Network } from '../core/lease.ts';
import { pause, type Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { sharedNeighbours, type Neighbour, type ReadNeighbours } from './neighbours.ts';

/** Discard: a datagram to it makes the kernel ask ARP; a live host answers "port unreachable", mostly. */
const DISCARD_PORT = 9;
/** ARP answers of a LAN come within milliseconds; longer only delays every board that gets a new address. */
const ARP_WAIT_MS = 300;
/** Beyond this many at once addresses are offered unprobed rather than late. */
const PROBES_AT_ONCE = 64;

/** Whether somebody else than `mac` answers on an address; decides within `budgetMs`. Never throws. */
export type ProbeAddress = (network: Network, address: Ipv4, mac: Mac, budgetMs: number) => Promise<boolean>;

/** One way to find out whether an address is taken. */
export interface ProbeMeans {
  /** Sends something that makes a live host answer; true when it did within `waitMs`. */
  readonly knock: (address: Ipv4, waitMs: number) => Promise<boolean>;
  /** Asks by ICMP echo on a device; true when there was a reply within `waitMs`, false where there is no `ping`. */
  readonly ping: (device: string | undefined, address: Ipv4, waitMs: number) => Promise<boolean>;
  readonly neighbours: ReadNeighbours;
}

/** The real means: plain UDP, Debian's `ping` and `ip`; no raw sockets, no privileges. */
export function probeMeans(clock: Clock): ProbeMeans {
  return { knock: (address, waitMs) => knock(clock, address, waitMs), ping, neighbours: sharedNeighbours() };
}

/**
 * Makes the probe of new addresses (RFC 2131 §2.2). Many run side by side; a probe that cannot be run counts as "free",
 * for a lab must get its addresses; the log
 * says so.
 */
export function probeAddress(means: ProbeMeans, log: Log): ProbeAddress {
  let atOnce = 0;
  return async (network, address, mac, budgetMs) => {
    if (atOnce >= PROBES_AT_ONCE) return false;
    atOnce += 1;
    try {
      return await isTaken(means, network, address, mac, budgetMs);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      log.warn(`dhcp: ${formatIpv4(address)} is offered unprobed: ${words}`, { network: network.name });
      return false;
    } finally {
      atOnce -= 1;
    }
  };
}

async function isTaken(
  means: ProbeMeans,
  network: Network,
  address: Ipv4,
  mac: Mac,
  budgetMs: number,
): Promise<boolean> {
  switch (network.probe) {
    case 'none':
      return false;
    case 'ping':
      return (
        await Promise.all([means.ping(network.interface, address, budgetMs), means.knock(address, budgetMs)])
      ).includes(true);
    case 'arp':
      return network.interface !== undefined && isTakenByArp(means, network.interface, address, mac, budgetMs);
  }
}

/**
 * Taken when the kernel learns a hardware address anew, or when the host answers. What it knew before the question
 * proves nothing: the host may be gone.
 */
async function isTakenByArp(
  means: ProbeMeans,
  device: string,
  address: Ipv4,
  mac: Mac,
  budgetMs: number,
): Promise<boolean> {
  const before = (await means.neighbours(device)).get(address);
  const answered = await means.knock(address, Math.min(ARP_WAIT_MS, budgetMs));
  const after = (await means.neighbours(device)).get(address);
  if (after?.mac === mac) return false;
  return answered || isNews(before, after);
}

function isNews(before: Neighbour | undefined, after: Neighbour | undefined): boolean {
  if (after === undefined || before?.mac !== after.mac) return after !== undefined;
  return after.isReachable && !before.isReachable;
}

async function knock(clock: Clock, address: Ipv4, waitMs: number): Promise<boolean> {
  const socket = dgram.createSocket('udp4');
  const refused = new Promise<boolean>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED');
    });
    socket.connect(DISCARD_PORT, formatIpv4(address), () => {
      socket.send(new Uint8Array(1));
    });
  });
  const answered = await Promise.race([refused, pause(clock, waitMs).then(() => false)]);
  socket.close();
  return answered;
}

function ping(device: string | undefined, address: Ipv4, waitMs: number): Promise<boolean> {
  const bound = device === undefined ? [] : ['-I', device];
  return new Promise((resolve) => {
    execFile(
      'ping',
      ['-n', '-q', '-c1', '-W1', ...bound, formatIpv4(address)],
      { timeout: Math.ceil(waitMs) },
      (error) => {
        resolve(error === null);
      },
    );
  });
}
