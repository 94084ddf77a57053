import { contains, formatIpv4, type Ipv4 } from '../core/address.ts';
import type { Lease, Network } from '../core/lease.ts';
import type { Clock } from '../ports/clock.ts';
import type { DhcpAdvisor, MacOfAddress } from '../ports/dhcp-advisor.ts';
import type { Log } from '../ports/log.ts';
import type { Rng } from '../ports/rng.ts';
import type { LeaseStore } from '../ports/store.ts';
import { openLeaseDesk, type LeaseDesk } from '../services/grant-lease.ts';
import { relayPortText } from '../services/lease-table.ts';
import { OPT } from '../wire/dhcp/options.ts';
import { CLIENT_PORT, SERVER_PORT, type ReplyTo } from '../wire/dhcp/reply-to.ts';
import { noCounts, type DhcpCounters } from './dhcp-counters.ts';
import { exchange, portSeen, type ExchangeEdges, type Incoming, type Outcome } from './dhcp-exchange.ts';
import { PROXY_PORT, proxyExchange, proxyService, type ProxyEdges } from './dhcp-proxy.ts';
import { routeDatagram, routeProxyDatagram } from './dhcp-route.ts';
import { listInterfaces, type HostInterface } from './interfaces.ts';
import { keepOpen, type Keeper, type Kept } from './keep-open.ts';
import { sharedNeighbours, type ReadNeighbours } from './neighbours.ts';
import { probeAddress, probeMeans, type ProbeAddress, type ProbeMeans } from './probe-address.ts';
import { createProxyHolders, type ProxyHolders } from './proxy-holders.ts';
import { openRivalDesk, type OtherServers, type RivalDesk, type ServerNews } from './rival-desk.ts';
import { tiedSockets, type OpenDeviceSocket } from './tied-socket.ts';
import type { DeviceSocket, DeviceSocketEvents, Peer } from './udp-on-device.ts';
import { workQueue, type WorkQueue } from './work-queue.ts';

/** Messages that may wait, of each rank, and be worked on at once. */
const QUEUE_LIMITS = { waiting: 2048, running: 256 };

/** The host, as far as DHCP touches it; tests put their own in. */
export interface DhcpEdges {
  readonly open: OpenDeviceSocket;
  readonly interfaces: () => Promise<ReadonlyMap<string, HostInterface>>;
  readonly probe: ProbeAddress;
  readonly neighbours: ReadNeighbours;
  readonly knock: ProbeMeans['knock'];
  /** Runs a function at the end of this turn of the event loop. */
  readonly soon: (call: () => void) => void;
}

/** The UDP ports of a wire's servers and clients. */
export interface DhcpPorts {
  readonly server: number;
  readonly client: number;
  /** Where a proxy is asked; 4011 unless said. */
  readonly proxy?: number;
}

/** As RFC 2131 §4.1 and PXE 2.1 have them. */
const PORTS: DhcpPorts = { server: SERVER_PORT, client: CLIENT_PORT, proxy: PROXY_PORT };

/** What DHCP needs to start. */
export interface DhcpOptions {
  /** All configured networks; those with `dhcp: off` are left alone. */
  readonly networks: readonly Network[];
  readonly advisor: DhcpAdvisor;
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** 67 and 68 unless said: a lab that may not have them. */
  readonly ports?: DhcpPorts;
  /** Hears of other DHCP servers that come and go, and of networks in proxy mode where nobody gives addresses. */
  readonly onServer: (news: ServerNews) => void;
  /** Left out: the real ones. */
  readonly edges?: Partial<DhcpEdges>;
}

/** A running DHCP service. */
export interface DhcpListener {
  readonly counters: Readonly<DhcpCounters>;
  /** All leases as they stand. */
  leases(): readonly Lease[];
  /** Who was ACKed an address last and has not released it; on a network in proxy mode, who has it as far as can be seen. */
  readonly macOf: MacOfAddress;
  /** Other DHCP servers as they stand. */
  otherServers(): OtherServers;
  /** The interfaces that are served now. */
  serving(): readonly string[];
  /** Closes the sockets and waits for what is under way. */
  close(): Promise<void>;
}

/**
 * Answers DHCP on the interfaces of the configured networks and nowhere else, for them and for the networks behind
 * relays. Interfaces that are missing, appear late or are made anew are taken up within five seconds.
 *
 * @throws BindError when a port is taken or not permitted at the start
 */
export async function startDhcpListener(options: DhcpOptions): Promise<DhcpListener> {
  const networks = options.networks.filter((network) => network.dhcp !== 'off');
  const edges = { ...realEdges(options), ...options.edges };
  const { clock, log, leases: store, advisor } = options;
  const leased = networks.filter((network) => network.dhcp === 'full');
  const desk = await openLeaseDesk(leased, {
    store,
    clock,
    log,
    soon: edges.soon,
    probe: edges.probe,
    reservations: (network) => advisor.reservations(network),
  });
  const service = new DhcpService(options, networks, edges, desk);
  await service.start();
  return service;
}

/** The host as it is. */
function realEdges({ clock, rng, log }: DhcpOptions): DhcpEdges {
  const means = probeMeans(clock);
  return {
    open: tiedSockets(clock, rng),
    interfaces: listInterfaces,
    probe: probeAddress(means, log),
    neighbours: sharedNeighbours(),
    knock: means.knock,
    soon: (call) => void setImmediate(call),
  };
}

/** Which of our ports a message came to. */
type Door = 'dhcp' | 'proxy';

interface Waiting {
  readonly incoming: Incoming;
  readonly device: string;
  readonly door: Door;
  readonly atMs: number;
}

interface Served extends Kept {
  readonly sockets: Readonly<Record<Door, DeviceSocket | undefined>>;
}

class DhcpService implements DhcpListener {
  readonly counters = noCounts();
  readonly #options: DhcpOptions;
  readonly #networks: readonly Network[];
  readonly #edges: DhcpEdges;
  readonly #desk: LeaseDesk;
  readonly #queue: WorkQueue<Waiting>;
  readonly #rivals: RivalDesk;
  readonly #exchange: ExchangeEdges;
  readonly #proxy: ProxyEdges;
  readonly #holders: ProxyHolders;
  readonly #ports: DhcpPorts;
  #sockets: Keeper<Served> | undefined;
  #isClosing = false;

  constructor(options: DhcpOptions, networks: readonly Network[], edges: DhcpEdges, desk: LeaseDesk) {
    this.#options = options;
    this.#ports = options.ports ?? PORTS;
    this.#networks = networks;
    this.#edges = edges;
    this.#desk = desk;
    this.#queue = workQueue((waiting) => this.#answer(waiting), QUEUE_LIMITS, edges.soon);
    this.#rivals = openRivalDesk({ ...options, ...edges, report: options.onServer });
    this.#holders = createProxyHolders(options.clock, edges.neighbours);
    const common = {
      advisor: options.advisor,
      isOurs: (address: Ipv4) => this.#isOurs(address),
      foreignServer: (serverId: Ipv4, incoming: Incoming) => {
        this.#heardOf(serverId, incoming);
      },
    };
    this.#exchange = { ...common, desk };
    this.#proxy = {
      ...common,
      claimed: (mac, address) => {
        this.#holders.claimed(mac, address);
      },
    };
  }

  async start(): Promise<void> {
    const { clock, log } = this.#options;
    const wanted = new Map(
      this.#networks.flatMap((each) => (each.interface === undefined ? [] : [[each.interface, each.address] as const])),
    );
    const { interfaces } = this.#edges;
    this.#sockets = await keepOpen({ wanted, interfaces, clock, log, open: (...where) => this.#open(...where) });
  }

  leases(): readonly Lease[] {
    return this.#desk.leases();
  }

  macOf(address: Ipv4): ReturnType<MacOfAddress> {
    const proxied = this.#networks.find((each) => each.dhcp === 'proxy' && contains(each.subnet, address));
    return proxied ? this.#holders.holderOf(address, proxied.interface) : this.#desk.macOf(address);
  }

  otherServers(): OtherServers {
    return this.#rivals.now();
  }

  serving(): readonly string[] {
    return this.#sockets?.names() ?? [];
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#queue.idle();
    await this.#sockets?.close();
  }

  async #open(device: string, address: Ipv4, lost: () => void): Promise<Served> {
    const dhcp = await this.#edges.open(device, this.#ports.server, this.#events('dhcp', device, lost));
    const receiveBufferOctets = dhcp.receiveBufferOctets;
    this.#options.log.info(`dhcp: listening on ${device}`, { interface: device, receiveBufferOctets });
    const proxy = await this.#openProxy(device, lost).catch(async (error: unknown) => {
      await dhcp.close();
      throw error;
    });
    const expects = this.#networks.some((each) => each.interface === device && each.dhcp === 'proxy');
    const watch = await this.#rivals.watch(device, address, expects);
    return {
      sockets: { dhcp, proxy },
      close: async () => {
        await watch.close();
        await proxy?.close();
        await dhcp.close();
      },
    };
  }

  /** Open on every interface as soon as one network is in proxy mode: one behind a relay is asked for through any. */
  async #openProxy(device: string, lost: () => void): Promise<DeviceSocket | undefined> {
    const isWanted = this.#networks.some((each) => each.dhcp === 'proxy' && (each.interface ?? device) === device);
    if (!isWanted) return undefined;
    return this.#edges.open(device, this.#ports.proxy ?? PROXY_PORT, this.#events('proxy', device, lost));
  }

  #events(door: Door, device: string, lost: () => void): DeviceSocketEvents {
    return {
      datagram: (octets, from) => {
        this.#take(octets, from, device, door);
      },
      lost: (error) => {
        this.#options.log.warn(`dhcp: the socket on ${device} failed: ${error.message}`, { interface: device });
        lost();
      },
    };
  }

  #heardOf(serverId: Ipv4, { network, mac }: Incoming): void {
    const where = { interface: network.interface ?? network.name, source: undefined, mac: undefined };
    this.#rivals.heard({ ...where, serverId, seen: `${mac} took its offer`, toProbe: false, isProxy: false });
  }

  /** Addresses on this host, and those we call ourselves by. */
  #isOurs(address: Ipv4): boolean {
    return (this.#sockets?.isOurs(address) ?? false) || this.#networks.some((each) => each.address === address);
  }

  #take(octets: Uint8Array, from: Peer, device: string, door: Door): void {
    if (this.#isClosing) return;
    this.counters.received += 1;
    const wire = { networks: this.#networks, isOurs: (address: Ipv4) => this.#isOurs(address) };
    const route = door === 'dhcp' ? routeDatagram : routeProxyDatagram;
    const incoming = route(octets, from, device, wire);
    if (typeof incoming === 'string') {
      this.counters[incoming] += 1;
      return;
    }
    const atMs = this.#options.clock.monotonicMs();
    const isUrgent = this.#options.advisor.reservations(incoming.network.name).has(incoming.mac);
    if (!this.#queue.push({ incoming, device, door, atMs }, isUrgent)) this.counters.overflowed += 1;
  }

  /** The one place that catches: whatever a message does, the next one is answered. */
  async #answer(waiting: Waiting): Promise<void> {
    try {
      const outcome = await this.#outcomeOf(waiting);
      if (outcome.is === 'answered') this.#send(waiting, outcome);
      else if (!outcome.done) this.counters.ignored += 1;
      this.#record(waiting, outcome);
    } catch (error) {
      this.counters.failed += 1;
      const { network, type, mac, message } = waiting.incoming;
      const words = error instanceof Error ? error.message : String(error);
      this.#options.log.error(`dhcp: ${type} not answered: ${words}`, { mac, xid: message.xid, network: network.name });
    }
  }

  #outcomeOf({ incoming, door }: Waiting): Promise<Outcome> {
    if (door === 'proxy') return proxyService(incoming, this.#proxy);
    return incoming.network.dhcp === 'proxy'
      ? proxyExchange(incoming, this.#proxy)
      : exchange(incoming, this.#exchange);
  }

  #send({ device, door }: Waiting, outcome: Extract<Outcome, { is: 'answered' }>): void {
    const { reply, to } = outcome;
    if (reply.omitted.length > 0) this.counters.truncated += 1;
    const socket = this.#sockets?.get(device)?.sockets[door];
    if (!socket) {
      this.counters.unsent += 1;
      return;
    }
    this.counters.sent += 1;
    socket.send(reply.octets, door === 'proxy' ? to : this.#onPorts(to), (error) => {
      this.counters.unsent += 1;
      this.#options.log.debug(`dhcp: answer to ${formatIpv4(to.address)} not sent: ${error.message}`, {
        interface: device,
        lacksRelayInformation: reply.omitted.includes(OPT.relayAgentInformation),
      });
    });
  }

  #onPorts(to: ReplyTo): ReplyTo {
    return { address: to.address, port: to.port === CLIENT_PORT ? this.#ports.client : this.#ports.server };
  }

  #record(waiting: Waiting, outcome: Outcome): void {
    const { incoming, atMs } = waiting;
    const isAnswered = outcome.is === 'answered';
    this.#options.advisor.record({
      mac: incoming.mac,
      network: incoming.network.name,
      received: incoming.type,
      sent: isAnswered ? outcome.sent : undefined,
      address: outcome.address,
      file: isAnswered ? outcome.file : undefined,
      because: outcome.because,
      takesFrom: isAnswered ? undefined : outcome.takesFrom,
      relayPort: relayPortText(portSeen(incoming.message)),
      durationMs: this.#options.clock.monotonicMs() - atMs,
    });
  }
}
