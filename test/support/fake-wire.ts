import { type Ipv4 } from '../../server/core/address.ts';
import type { Network } from '../../server/core/lease.ts';
import { startDhcpListener, type DhcpEdges, type DhcpListener } from '../../server/net/dhcp-listener.ts';
import type { HostInterface } from '../../server/net/interfaces.ts';
import type { Rival } from '../../server/net/rival.ts';
import type { ServerNews } from '../../server/net/rival-desk.ts';
import type { DeviceSocket, DeviceSocketEvents, Peer } from '../../server/net/udp-on-device.ts';
import type { DhcpAdvisor } from '../../server/ports/dhcp-advisor.ts';
import { decodeMessage, messageType, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import { countingRng, FakeAdvisor, ip } from './dhcp-lab.ts';
import { MemoryLeaseStore } from './memory-lease-store.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createQuietLog, type QuietLog } from './quiet-log.ts';

/** What left the server. */
export interface Sent {
  readonly device: string;
  readonly port: number;
  readonly octets: Uint8Array;
  readonly to: Peer;
}

/** The interfaces and sockets of a host that exists in memory only. */
export class FakeHost {
  readonly sent: Sent[] = [];
  readonly sockets = new Map<string, DeviceSocketEvents>();
  readonly present = new Map<string, HostInterface>();
  opened = 0;
  /** Set: opening fails with it. */
  failure: ((device: string, port: number) => Error | undefined) | undefined;

  plug(name: string, index: number, ...addresses: readonly Ipv4[]): void {
    this.present.set(name, { name, index, addresses });
  }

  open(device: string, port: number, events: DeviceSocketEvents): Promise<DeviceSocket> {
    const failure = this.failure?.(device, port);
    if (failure) return Promise.reject(failure);
    const id = `${device}:${port}`;
    this.opened += 1;
    this.sockets.set(id, events);
    return Promise.resolve({
      receiveBufferOctets: 425_984,
      send: (octets, to) => {
        this.sent.push({ device, port, octets, to });
      },
      close: () => {
        this.sockets.delete(id);
        return Promise.resolve();
      },
    });
  }
}

/** Where a datagram comes in, and from whom; port 67 of `eth1` from a client without an address unless said. */
export interface AskFrom {
  readonly device?: string;
  readonly address?: Ipv4;
  /** Our port: 67 or 4011. */
  readonly to?: number;
  /** The client's port: 68 unless said. */
  readonly port?: number;
}

/** A DHCP service on a host in memory. */
export interface FakeLab {
  readonly host: FakeHost;
  readonly advisor: FakeAdvisor;
  readonly store: MemoryLeaseStore;
  readonly clock: FakeClock;
  readonly log: QuietLog;
  readonly rivals: Rival[];
  /** What was told of other DHCP servers besides. */
  readonly otherNews: ServerNews[];
  readonly listener: DhcpListener;
  /** Hands the server a datagram and gives the reply, once the server has come to rest. */
  ask(octets: Uint8Array, from?: AskFrom): Promise<Reply | undefined>;
}

/** A reply, read. */
export interface Reply {
  readonly message: DhcpMessage;
  readonly type: string | undefined;
  readonly to: Peer;
  readonly octets: Uint8Array;
  readonly device: string;
  /** The port of ours it left by. */
  readonly port: number;
}

/**
 * Starts the service. Interfaces `eth1` (10.77.0.1) and `eth2` (10.79.0.1) are there. `decides` takes the place of the
 * advisor that answers everybody.
 */
export async function fakeLab(
  networks: readonly Network[],
  edges: Partial<DhcpEdges> = {},
  decides?: DhcpAdvisor,
): Promise<FakeLab> {
  const [host, advisor, store] = [new FakeHost(), new FakeAdvisor(), new MemoryLeaseStore()];
  const [clock, log, rivals] = [createFakeClock(), createQuietLog(), [] as Rival[]];
  const otherNews: ServerNews[] = [];
  host.plug('eth1', 2, ip('10.77.0.1'));
  host.plug('eth2', 3, ip('10.79.0.1'), ip('10.79.0.2'));
  const listener = await startDhcpListener({
    ...{ networks, advisor: decides ?? advisor, leases: store, clock, rng: countingRng(), log },
    onServer: (news) => {
      if (news.is === 'seen') rivals.push(news.rival);
      else otherNews.push(news);
    },
    edges: {
      open: (device, port, events) => host.open(device, port, events),
      interfaces: () => Promise.resolve(new Map(host.present)),
      probe: () => Promise.resolve(false),
      neighbours: () => Promise.resolve(new Map()),
      knock: () => Promise.resolve(false),
      ...edges,
    },
  });
  host.sent.length = 0;
  return {
    host,
    advisor,
    store,
    clock,
    log,
    rivals,
    otherNews,
    listener,
    ask: (octets, from) => ask(host, listener, octets, from),
  };
}

async function ask(
  host: FakeHost,
  listener: DhcpListener,
  octets: Uint8Array,
  from: AskFrom = {},
): Promise<Reply | undefined> {
  const { device = 'eth1', address = ip('0.0.0.0'), to: door = 67, port = 68 } = from;
  const before = host.sent.length;
  host.sockets.get(`${device}:${String(door)}`)?.datagram(octets, { address, port });
  await settled(listener);
  // What leaves by port 68 asks other servers, and answers nobody.
  const sent = host.sent.slice(before).find((each) => each.port !== 68);
  if (!sent) return undefined;
  const decoded = decodeMessage(sent.octets);
  if (!decoded.ok) throw new Error(decoded.error);
  const { octets: reply, to, device: out, port: by } = sent;
  return { message: decoded.value, type: messageType(decoded.value.options), to, octets: reply, device: out, port: by };
}

/** A few turns of the event loop: the queue, the advice and the commit each take one. */
async function settled(listener: DhcpListener): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  if (listener.serving().length === 0) throw new Error('the service has no sockets');
}
