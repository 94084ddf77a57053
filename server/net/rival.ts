import { formatIpv4, macOf, NO_ADDRESS, type Ipv4, type Mac } from '../core/address.ts';
import { pause, type Clock } from '../ports/clock.ts';
import type { Rng } from '../ports/rng.ts';
import { encodeMessage } from '../wire/dhcp/encode.ts';
import {
  BOOTREPLY,
  BOOTREQUEST,
  BROADCAST_FLAG,
  decodeMessage,
  ETHERNET,
  messageType,
  numberOfType,
  type DhcpMessage,
} from '../wire/dhcp/message.ts';
import type { OptionToSend } from '../wire/dhcp/option-field.ts';
import { ipv4Option, OPT } from '../wire/dhcp/options.ts';
import { CLIENT_PORT, LIMITED_BROADCAST, SERVER_PORT } from '../wire/dhcp/reply-to.ts';
import type { ReadNeighbours } from './neighbours.ts';
import type { ProbeMeans } from './probe-address.ts';
import type { OpenDeviceSocket } from './tied-socket.ts';
import type { DeviceSocketEvents, Peer } from './udp-on-device.ts';

/**
 * How long the start waits for an answer. INFORM is mostly answered at once; ISC dhcpd may pass over it and pings for a
 * second before its OFFER; who pings for longer, or is slow, is heard by the watch that follows.
 */
const PROBE_WAIT_MS = 1250;
/** A process that is busy with its start may notice the end of that before it has read what came in time. */
const UNREAD_MS = 10;
/** How long a host that sent only broadcasts has to answer ARP, so that its hardware address can be named. */
const KNOCK_WAIT_MS = 300;
/**
 * Room for some ten answers. The kernel gives back each broadcast of our own service here; in a storm it drops most of
 * them, which costs less than to read them, and a rival answers often enough to be heard.
 */
const RECEIVE_BUFFER_OCTETS = 8 << 10;

/** Another DHCP server on a network of ours. */
export interface Rival {
  readonly interface: string;
  /** Its server identifier (option 54), else where its answer came from. */
  readonly serverId: Ipv4;
  /** The host it was seen from; nothing when it is only known from what a client said. */
  readonly source: Ipv4 | undefined;
  readonly mac: Mac | undefined;
  /** How it was noticed, in words. */
  readonly seen: string;
  /** Whether it answered a probe of ours: then its silence means that it is gone. */
  readonly toProbe: boolean;
  /** Whether it is a proxy too: it offers no address but boot data. */
  readonly isProxy: boolean;
}

/** `10.77.0.9 (52:54:00:00:00:09) on eth1: OFFER to our probe`. */
export function describeRival(rival: Rival): string {
  const mac = rival.mac === undefined ? '' : ` (${rival.mac})`;
  return `${formatIpv4(rival.serverId)}${mac} on ${rival.interface}: ${rival.seen}`;
}

/** The world, as far as the watch for rivals touches it. */
export interface RivalEdges {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly open: OpenDeviceSocket;
  readonly neighbours: ReadNeighbours;
  readonly knock: ProbeMeans['knock'];
}

/** A place to listen for answers of other servers. */
export interface RivalWatch {
  /** Asks for an address, and for parameters, as a client would. */
  probe(): void;
  close(): Promise<void>;
}

/**
 * Asks on one interface whether another server answers, for a second. `ours` is our address there. Listens on port 68,
 * so it fails where this host's own DHCP client runs. @throws BindError
 */
export async function findRivals(device: string, ours: Ipv4, edges: RivalEdges): Promise<readonly Rival[]> {
  const found = new Map<Ipv4, Rival>();
  const watch = await watchRivals(device, ours, edges, (rival) => found.set(rival.serverId, rival));
  watch.probe();
  await pause(edges.clock, PROBE_WAIT_MS);
  await pause(edges.clock, UNREAD_MS);
  await watch.close();
  return Promise.all([...found.values()].map((rival) => withMac(rival, edges)));
}

/** Hears every OFFER, ACK and NAK on the link that is not ours, until closed. @throws BindError */
export async function watchRivals(
  device: string,
  ours: Ipv4,
  edges: RivalEdges,
  report: (rival: Rival) => void,
): Promise<RivalWatch> {
  const mac = strangersMac(edges.rng);
  const events: DeviceSocketEvents = {
    datagram: (octets, from) => {
      const rival = rivalIn(octets, from, device, ours, mac);
      if (rival) report(rival);
    },
    lost: () => undefined, // the interface is gone; whoever opened the watch opens it again
  };
  const socket = await edges.open(device, CLIENT_PORT, events, RECEIVE_BUFFER_OCTETS);
  const to: Peer = { address: LIMITED_BROADCAST, port: SERVER_PORT };
  return {
    probe: () => {
      // INFORM first: servers that ping an address before they offer it hear nothing else meanwhile
      const asks = [probeMessage('INFORM', mac, ours, edges.rng), probeMessage('DISCOVER', mac, NO_ADDRESS, edges.rng)];
      for (const octets of asks) socket.send(octets, to, () => undefined);
    },
    close: () => socket.close(),
  };
}

/** Adds the hardware address the kernel knows; a host that was heard itself is made to answer ARP for that. */
export async function withMac(rival: Rival, edges: Pick<RivalEdges, 'neighbours' | 'knock'>): Promise<Rival> {
  const look = async (): Promise<Mac | undefined> => {
    const known = await edges.neighbours(rival.interface).catch(() => undefined);
    return known?.get(rival.source ?? rival.serverId)?.mac;
  };
  const mac = await look();
  if (mac !== undefined || rival.source === undefined) return { ...rival, mac: mac ?? rival.mac };
  await edges.knock(rival.source, KNOCK_WAIT_MS);
  return { ...rival, mac: (await look()) ?? rival.mac };
}

function rivalIn(octets: Uint8Array, from: Peer, device: string, ours: Ipv4, probeMac: Mac): Rival | undefined {
  if (from.address === ours) return undefined; // broadcasts of our own service come back to this host
  const decoded = decodeMessage(octets);
  if (!decoded.ok || decoded.value.op !== BOOTREPLY) return undefined;
  const type = messageType(decoded.value.options);
  const serverId = ipv4Option(decoded.value.options, OPT.serverId) ?? from.address;
  if (type === undefined || serverId === ours) return undefined;
  const client = macOf(decoded.value.chaddr);
  const toProbe = client === probeMac;
  const seen = `${type} to ${toProbe ? 'our probe' : client}`;
  const isProxy = type === 'OFFER' && decoded.value.yiaddr === NO_ADDRESS;
  return { interface: device, serverId, source: from.address, mac: undefined, seen, toProbe, isProxy };
}

/** A locally administered address nobody has. */
function strangersMac(rng: Rng): Mac {
  const octets = rng.octets(6);
  octets[0] = 0x02;
  return macOf(octets);
}

function probeMessage(type: 'DISCOVER' | 'INFORM', mac: Mac, ciaddr: Ipv4, rng: Rng): Uint8Array {
  const [a = 0, b = 0, c = 0, d = 0] = rng.octets(4);
  const message: Omit<DhcpMessage, 'options'> = {
    op: BOOTREQUEST,
    htype: ETHERNET,
    hlen: 6,
    hops: 0,
    xid: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0,
    secs: 0,
    flags: BROADCAST_FLAG,
    ciaddr,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: NO_ADDRESS,
    chaddr: Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16)),
    sname: '',
    file: '',
  };
  const options: readonly OptionToSend[] = [[OPT.messageType, Uint8Array.of(numberOfType(type))]];
  return encodeMessage(message, options, { datagramOctets: 576, mayOverload: false }).octets;
}
