import type { Socket } from 'node:dgram';
import { contains, parseIpv4, type Ipv4, type Subnet, formatIpv4 } from '../core/address.ts';
import type { TftpHabits } from '../core/board.ts';
import type { BootFiles, FileAnswer, TransferReport } from '../ports/boot-files.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { cleanBootPath } from '../wire/boot-path.ts';
import { negotiate, type TftpLimits } from '../wire/tftp/negotiate.ts';
import { decodePacket, encodeError, TFTP_ERROR, type TftpOptions, type TftpPacket } from '../wire/tftp/packet.ts';
import { bindErrorOf, type BindError } from './bind-error.ts';
import { LossMemory } from './tftp-loss-memory.ts';
import type { Segmenting } from './segmented-send.ts';
import { PacketCache } from './tftp-packets.ts';
import { SinglePort } from './tftp-single-port.ts';
import { TransferSlots, type Slot } from './tftp-slots.ts';
import { openUdp, type Endpoint, type OpenTransferSocket } from './tftp-socket.ts';
import { RunningTransfer } from './tftp-transfer.ts';

/** An address to serve on, and who may ask there. */
export interface TftpAddress {
  readonly address: Ipv4;
  /** Requests from elsewhere are not answered at all. */
  readonly subnets: readonly Subnet[];
  /** Of the interface, octets; 1500 unless it is known to be otherwise. */
  readonly mtu?: number;
}

/** Where TFTP is served, and from what. */
export interface TftpListenerOptions {
  readonly addresses: readonly TftpAddress[];
  /** 69, or 0 in tests. */
  readonly port: number;
  readonly files: BootFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** How windows go out in one system call; nothing: packet by packet. */
  readonly segmenting?: Segmenting | undefined;
  readonly transfersMax?: number;
  readonly transfersPerPeerMax?: number;
  readonly packetCacheOctetsMax?: number;
}

/** What the listener has seen since it started. */
export interface TftpCounters {
  requests: number;
  /** Dropped: the sender is outside the served subnets. */
  outside: number;
  malformed: number;
  writes: number;
  notFound: number;
  busy: number;
  /** Unanswered transfers given up early because their place was needed. */
  crowdedOut: number;
  repeated: number;
  strangers: number;
  started: number;
  done: number;
  failed: number;
  octetsSent: number;
  retransmits: number;
}

/** The running TFTP server. */
export interface TftpListener {
  readonly counters: Readonly<TftpCounters>;
  /** Transfers under way now. */
  readonly active: number;
  /** Where it listens now, with the ports really bound. */
  readonly bound: readonly Endpoint[];
  /**
   * Serves these addresses from now on: opens what is new or has failed, closes what is gone. Answers which could not be
   * opened. Calling it again every few seconds is cheap, and is how a port comes back after its interface.
   */
  serve(addresses: readonly TftpAddress[]): Promise<readonly BindError[]>;
  /** Ends all transfers and closes all ports. */
  close(): Promise<void>;
}

const WINDOWSIZE_MAX = 16;
const MTU_DEFAULT = 1500;
/** IPv4, UDP and TFTP headers with four octets to spare (RFC 2348 leaves it to the host; 1468 is what firmware asks). */
const HEADERS_OCTETS = 32;
const IN_FLIGHT_OCTETS_MAX = 128 * 1024;
/** The ordinary 208 KiB lose the first second of a storm of boards. */
const RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024;

const RRQ = 1;

/** Two turns of the event loop: an error is told in one reading, the datagrams that lie behind it in the next. */
const whenRead = (call: () => void): void => void setImmediate(() => setImmediate(call));

/** Listens for read requests (RFC 1350 §4). @throws BindError when an address cannot be served, unless it is just not there yet */
export async function startTftpListener(options: TftpListenerOptions): Promise<TftpListener> {
  const listener = new Listener(options);
  const fatal = (await listener.serve(options.addresses)).find((fault) => fault.code !== 'no-address');
  if (!fatal) return listener;
  await listener.close();
  throw fatal;
}

type FileFound = Extract<FileAnswer, { is: 'file' }>;

interface Door {
  at: TftpAddress;
  readonly text: string;
  readonly socket: Socket;
}

/** A request with all that is known of where it came from. */
interface Asked {
  readonly door: Door;
  readonly client: Endpoint;
  readonly peer: Ipv4;
  readonly options: TftpOptions;
}

class Listener implements TftpListener {
  readonly counters: TftpCounters = {
    requests: 0,
    outside: 0,
    malformed: 0,
    writes: 0,
    notFound: 0,
    busy: 0,
    crowdedOut: 0,
    repeated: 0,
    strangers: 0,
    started: 0,
    done: 0,
    failed: 0,
    octetsSent: 0,
    retransmits: 0,
  };
  readonly #options: TftpListenerOptions;
  readonly #packets: PacketCache;
  readonly #slots: TransferSlots;
  readonly #losses = new LossMemory();
  /** Transfers from port 69 itself. */
  readonly #onPort = new SinglePort();
  readonly #doors = new Map<Ipv4, Door>();

  constructor(options: TftpListenerOptions) {
    this.#options = options;
    this.#packets = new PacketCache(options.packetCacheOctetsMax ?? 64 * 1024 * 1024, options.clock);
    this.#slots = new TransferSlots(options.transfersMax ?? 512, options.transfersPerPeerMax ?? 8);
  }

  get active(): number {
    return this.#slots.taken;
  }

  get bound(): readonly Endpoint[] {
    return [...this.#doors.values()].map((door) => ({ address: door.text, port: door.socket.address().port }));
  }

  async serve(addresses: readonly TftpAddress[]): Promise<readonly BindError[]> {
    const wanted = new Map(addresses.map((each) => [each.address, each]));
    for (const [address, door] of this.#doors) {
      const at = wanted.get(address);
      // What may be asked there changes without closing the port: requests that wait in it are not lost.
      if (at) door.at = at;
      else this.#shut(door);
    }
    const missing = addresses.filter((each) => !this.#doors.has(each.address));
    const faults = await Promise.all(missing.map((each) => this.#open(each)));
    return faults.filter((fault) => fault !== undefined);
  }

  close(): Promise<void> {
    for (const slot of this.#slots.all()) slot.stop('the server stops');
    for (const door of this.#doors.values()) this.#shut(door);
    return Promise.resolve();
  }

  #open(at: TftpAddress): Promise<BindError | undefined> {
    const socket = openUdp();
    const door: Door = { at, text: formatIpv4(at.address), socket };
    return new Promise((resolve) => {
      socket.once('error', (error) => {
        socket.close();
        resolve(bindErrorOf(error, door.text, this.#options.port));
      });
      socket.bind(this.#options.port, door.text, () => {
        socket.removeAllListeners('error');
        this.#attend(door);
        resolve(undefined);
      });
    });
  }

  #attend(door: Door): void {
    const { log } = this.#options;
    door.socket.setRecvBufferSize(RECEIVE_BUFFER_OCTETS);
    this.#doors.set(door.at.address, door);
    door.socket.on('error', (error) => {
      log.error('the TFTP port failed', { address: door.text, error: error.message });
      this.#shut(door);
    });
    door.socket.on('message', (datagram, client) => {
      this.#heard(door, datagram, client);
    });
    const receiveBufferOctets = door.socket.getRecvBufferSize();
    log.info('TFTP is served', { address: door.text, port: door.socket.address().port, receiveBufferOctets });
  }

  #shut(door: Door): void {
    this.#doors.delete(door.at.address);
    door.socket.close();
  }

  #heard(door: Door, datagram: Uint8Array, client: Endpoint): void {
    const peer = parseIpv4(client.address);
    if (!peer.ok || client.port === 0 || !door.at.subnets.some((subnet) => contains(subnet, peer.value))) {
      this.counters.outside += 1;
      return;
    }
    if (datagram[1] !== RRQ && this.#onPort.received(door.text, client, datagram)) return;
    const packet = decodePacket(datagram);
    if (packet.ok) this.#sort(door, packet.value, client, peer.value);
    else if (datagram[1] === 1 || datagram[1] === 2) this.#malformed(door, client);
    else this.counters.malformed += 1;
  }

  #malformed(door: Door, client: Endpoint): void {
    this.counters.malformed += 1;
    this.#refuse(door, client, TFTP_ERROR.illegalOperation, 'malformed request');
  }

  #sort(door: Door, packet: TftpPacket, client: Endpoint, peer: Ipv4): void {
    switch (packet.op) {
      case 'RRQ':
        this.counters.requests += 1;
        this.#read({ door, client, peer, options: packet.options }, packet.filename, packet.mode);
        break;
      case 'WRQ':
        this.counters.writes += 1;
        this.#refuse(door, client, TFTP_ERROR.accessViolation, 'this server is read-only');
        break;
      case 'DATA':
      case 'ACK':
      case 'OACK':
        // Strays of a transfer long gone. No transfer but those of the boards that want it so has this port.
        this.counters.strangers += 1;
        break;
      case 'ERROR':
        break;
    }
  }

  #read(asked: Asked, filename: Uint8Array, mode: string): void {
    const { door, client, peer } = asked;
    if (mode !== 'octet') {
      this.#refuse(door, client, TFTP_ERROR.illegalOperation, 'only mode octet is served');
      return;
    }
    const path = cleanBootPath(filename);
    if (!path.ok) {
      this.#notFound(asked);
      return;
    }
    const slot = this.#slots.take({ peer, local: door.at.address, port: client.port, path: path.value });
    switch (slot.is) {
      case 'repeated':
        this.counters.repeated += 1;
        break;
      case 'busy':
        this.counters.busy += 1;
        this.#refuse(door, client, TFTP_ERROR.undefined, 'busy');
        break;
      case 'taken':
        if (slot.crowdedOut) this.counters.crowdedOut += 1;
        void this.#answer(asked, slot.slot);
        break;
    }
  }

  async #answer(asked: Asked, slot: Slot): Promise<void> {
    const { log, files } = this.#options;
    const { path, peer, local } = slot.asked;
    try {
      const answer = await files.open({ via: 'tftp', path, peer, local });
      if (answer.is === 'file') this.#start(asked, slot, answer);
      else if (!slot.isStopped) this.#notFound(asked);
    } catch (error) {
      log.error('a file cannot be opened', { path, peer: formatIpv4(peer), error: String(error) });
      if (!slot.isStopped) this.#refuse(asked.door, asked.client, TFTP_ERROR.undefined, 'the file cannot be read');
    }
    if (!slot.isRunning) slot.free();
  }

  #start(asked: Asked, slot: Slot, file: FileFound): void {
    if (slot.isStopped) {
      this.#letGo(file, 'gave-up', slot.isStopped);
      return;
    }
    try {
      slot.run(this.#run(asked, slot, file));
      this.counters.started += 1;
    } catch (error) {
      this.#letGo(file, 'failed', String(error));
      throw error;
    }
  }

  #run({ door, client, peer, options }: Asked, slot: Slot, file: FileFound): RunningTransfer {
    const { habits } = file;
    const asked: TftpOptions = habits?.options === false ? new Map() : options;
    const terms = negotiate(asked, this.#limits(door, peer, habits), file.content.octets);
    const rollOverTo = habits?.rollOverTo ?? 0;
    const order = { local: door.text, client, content: file.content, terms, rollOverTo };
    const open = habits?.singlePort ? this.#samePort(door) : undefined;
    return new RunningTransfer(order, {
      open,
      whenRead,
      clock: this.#options.clock,
      packets: this.#packets,
      segmenting: this.#options.segmenting,
      stranger: () => {
        this.counters.strangers += 1;
      },
      ended: (report) => {
        slot.free();
        this.#count(report);
        this.#losses.note(peer, terms, report);
        this.#tell(file, report);
      },
    });
  }

  /** How transfers are opened for a board that takes answers from the port it asked only. */
  #samePort(door: Door): OpenTransferSocket {
    return (place, events) =>
      this.#onPort.open(place, events, (packet) => {
        const { port, address } = place.client;
        if (this.#doors.get(door.at.address) === door) door.socket.send(packet, port, address);
      });
  }

  #letGo(file: FileFound, outcome: 'gave-up' | 'failed', words: string): void {
    file.content.close();
    this.#tell(file, { outcome, octetsSent: 0, durationMs: 0, retransmits: 0, words });
  }

  /** Whoever wants to know must not be able to break a transfer's end by throwing. */
  #tell(file: FileFound, report: TransferReport): void {
    try {
      file.ended(report);
    } catch (error) {
      this.#options.log.error('the end of a transfer could not be noted', { error: String(error) });
    }
  }

  #count(report: TransferReport): void {
    this.counters[report.outcome === 'done' ? 'done' : 'failed'] += 1;
    this.counters.octetsSent += report.octetsSent;
    this.counters.retransmits += report.retransmits;
  }

  #limits(door: Door, peer: Ipv4, habits: TftpHabits | undefined): TftpLimits {
    const mtuMax = (door.at.mtu ?? MTU_DEFAULT) - HEADERS_OCTETS;
    return {
      blksizeMax: Math.min(mtuMax, habits?.blksizeMax ?? mtuMax),
      windowsizeMax: this.#losses.windowsizeMax(peer, habits?.windowsizeMax ?? WINDOWSIZE_MAX),
      inFlightOctetsMax: IN_FLIGHT_OCTETS_MAX,
    };
  }

  #notFound(asked: Asked): void {
    this.counters.notFound += 1;
    this.#refuse(asked.door, asked.client, TFTP_ERROR.fileNotFound, 'File not found');
  }

  /** A refusal starts no transfer and so needs no port of its own: firmware that searches gets a dozen of them a boot. */
  #refuse(door: Door, client: Endpoint, code: number, message: string): void {
    if (this.#doors.get(door.at.address) === door)
      door.socket.send(encodeError(code, message), client.port, client.address);
  }
}
