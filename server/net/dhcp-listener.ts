import { formatIpv4, type Ipv4, type Mac } from '../core/address.ts';
import type { Lease, Network } from '../core/lease.ts';
import type { Clock } from '../ports/clock.ts';
import type { DhcpAdvisor } from '../ports/dhcp-advisor.ts';
import type { Log } from '../ports/log.ts';
import type { Rng } from '../ports/rng.ts';
import type { LeaseStore } from '../ports/store.ts';
import { openLeaseDesk, type LeaseDesk } from '../services/grant-lease.ts';
import { relayPortText } from '../services/lease-table.ts';
import { OPT } from '../wire/dhcp/options.ts';
import { CLIENT_PORT, SERVER_PORT, type ReplyTo } from '../wire/dhcp/reply-to.ts';
import { noCounts, type DhcpCounters } from './dhcp-counters.ts';
import { exchange, portSeen, type ExchangeEdges, type Incoming, type Outcome } from './dhcp-exchange.ts';
import { routeDatagram } from './dhcp-route.ts';
import { listInterfaces, type HostInterface } from './interfaces.ts';
import { keepOpen, type Keeper, type Kept } from './keep-open.ts';
import { sharedNeighbours, type ReadNeighbours } from './neighbours.ts';
import { probeAddress, probeMeans, type ProbeAddress } from './probe-address.ts';
import { type Rival } from './rival.ts';
import { openRivalDesk, type RivalDesk } from './rival-desk.ts';
import { tiedSockets, type OpenDeviceSocket } from './tied-socket.ts';
import type { DeviceSocket } from './udp-on-device.ts';
import { workQueue, type WorkQueue } from './work-queue.ts';

/** Messages that may wait, of each rank, and be worked on at once. */
const QUEUE_LIMITS = { waiting: 2048, running: 256 };

/** The host, as far as DHCP touches it; tests put their own in. */
export interface DhcpEdges {
  readonly open: OpenDeviceSocket;
  readonly interfaces: () => Promise<ReadonlyMap<string, HostInterface>>;
  readonly probe: ProbeAddress;
  readonly neighbours: ReadNeighbours;
  /** Runs a function at the end of this turn of the event loop. */
  readonly soon: (call: () => void) => void;
}

/** The UDP ports of a wire's servers and clients. */
export interface DhcpPorts {
  readonly server: number;
  readonly client: number;
}

/** As RFC 2131 §4.1 has them. */
const PORTS: DhcpPorts = { server: SERVER_PORT, client: CLIENT_PORT };

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
  /** Hears of other DHCP servers, each at most once in five minutes. */
  readonly onRival: (rival: Rival) => void;
  /** Left out: the real ones. */
  readonly edges?: Partial<DhcpEdges>;
}

/** A running DHCP service. */
export interface DhcpListener {
  readonly counters: Readonly<DhcpCounters>;
  /** All leases as they stand. */
  leases(): readonly Lease[];
  /** Who was ACKed an address last and has not released it. */
  macOf(address: Ipv4): Mac | undefined;
  /** The interfaces that are served now. */
  serving(): readonly string[];
  /** Closes the sockets and waits for what is under way. */
  close(): Promise<void>;
}

/** A network asks for something this version does not do. */
export class DhcpConfigError extends Error {
  override readonly name = 'DhcpConfigError';
  readonly code = 'config';
}

/** The networks DHCP is answered on. @throws DhcpConfigError for what is not served yet. */
export function servedNetworks(networks: readonly Network[]): readonly Network[] {
  return networks.filter((network) => {
    switch (network.dhcp) {
      case 'off':
        return false;
      case 'full':
        return true;
      case 'proxy':
        throw new DhcpConfigError(`network ${network.name}: "dhcp: proxy" is not served yet; write full or off`);
    }
  });
}

/**
 * Answers DHCP on the interfaces of the configured networks and nowhere else, for them and for the networks behind
 * relays. Interfaces that are missing, appear late or are made anew are taken up within five seconds.
 *
 * @throws BindError when a port is taken or not permitted at the start
 * @throws DhcpConfigError
 */
export async function startDhcpListener(options: DhcpOptions): Promise<DhcpListener> {
  const networks = servedNetworks(options.networks);
  const edges = { ...realEdges(options), ...options.edges };
  const { clock, log, leases: store, advisor } = options;
  const desk = await openLeaseDesk(networks, {
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
  return {
    open: tiedSockets(clock, rng),
    interfaces: listInterfaces,
    probe: probeAddress(probeMeans(clock), log),
    neighbours: sharedNeighbours(),
    soon: (call) => void setImmediate(call),
  };
}

interface Waiting {
  readonly incoming: Incoming;
  readonly device: string;
  readonly atMs: number;
}

interface Served extends Kept {
  readonly socket: DeviceSocket;
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
    this.#rivals = openRivalDesk({ ...options, ...edges, report: options.onRival });
    this.#exchange = {
      desk,
      advisor: options.advisor,
      isOurs: (address) => this.#isOurs(address),
      foreignServer: (serverId, { network, mac }) => {
        const where = { interface: network.interface ?? network.name, source: undefined, mac: undefined };
        this.#rivals.heard({ ...where, serverId, seen: `${mac} took its offer` });
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

  macOf(address: Ipv4): Mac | undefined {
    return this.#desk.macOf(address);
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
    const socket = await this.#edges.open(device, this.#ports.server, {
      datagram: (octets, from) => {
        this.#take(octets, from.address, device);
      },
      lost: (error) => {
        this.#options.log.warn(`dhcp: the socket on ${device} failed: ${error.message}`, { interface: device });
        lost();
      },
    });
    const receiveBufferOctets = socket.receiveBufferOctets;
    this.#options.log.info(`dhcp: listening on ${device}`, { interface: device, receiveBufferOctets });
    const watch = await this.#rivals.watch(device, address);
    return {
      socket,
      close: async () => {
        await watch.close();
        await socket.close();
      },
    };
  }

  /** Addresses on this host, and those we call ourselves by. */
  #isOurs(address: Ipv4): boolean {
    return (this.#sockets?.isOurs(address) ?? false) || this.#networks.some((each) => each.address === address);
  }

  #take(octets: Uint8Array, source: Ipv4, device: string): void {
    if (this.#isClosing) return;
    this.counters.received += 1;
    const wire = { networks: this.#networks, isOurs: (address: Ipv4) => this.#isOurs(address) };
    const incoming = routeDatagram(octets, source, device, wire);
    if (typeof incoming === 'string') {
      this.counters[incoming] += 1;
      return;
    }
    const atMs = this.#options.clock.monotonicMs();
    const isUrgent = this.#options.advisor.reservations(incoming.network.name).has(incoming.mac);
    if (!this.#queue.push({ incoming, device, atMs }, isUrgent)) this.counters.overflowed += 1;
  }

  /** The one place that catches: whatever a message does, the next one is answered. */
  async #answer(waiting: Waiting): Promise<void> {
    try {
      const outcome = await exchange(waiting.incoming, this.#exchange);
      if (outcome.is === 'answered') this.#send(waiting.device, outcome);
      else if (!outcome.done) this.counters.ignored += 1;
      this.#record(waiting, outcome);
    } catch (error) {
      this.counters.failed += 1;
      const { network, type, mac, message } = waiting.incoming;
      const words = error instanceof Error ? error.message : String(error);
      this.#options.log.error(`dhcp: ${type} not answered: ${words}`, { mac, xid: message.xid, network: network.name });
    }
  }

  #send(device: string, outcome: Extract<Outcome, { is: 'answered' }>): void {
    const { reply, to } = outcome;
    if (reply.omitted.length > 0) this.counters.truncated += 1;
    const socket = this.#sockets?.get(device)?.socket;
    if (!socket) {
      this.counters.unsent += 1;
      return;
    }
    this.counters.sent += 1;
    socket.send(reply.octets, this.#onPorts(to), (error) => {
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
      relayPort: relayPortText(portSeen(incoming.message)),
      durationMs: this.#options.clock.monotonicMs() - atMs,
    });
  }
}
