import { createHash } from 'node:crypto';
import { formatIpv4 } from '../server/core/address.ts';
import type { Clock } from '../server/ports/clock.ts';
import type { Rng } from '../server/ports/rng.ts';
import type { RackBoard } from './rack-board.ts';
import type { BoardNet, TftpAnswer } from './virtual/board-net.ts';
import { BoardRecord, type BoardReport, type BoardStage } from './virtual/board-record.ts';
import { acquire, askProxy } from './virtual/dhcp-client.ts';
import {
  BootFailed,
  type BoardLease,
  type BoardLogEntry,
  type Hands,
  type Handover,
  type TftpHabit,
  type VirtualBoardSpec,
} from './virtual/hands.ts';
import { ipxe } from './virtual/ipxe.ts';
import { linux } from './virtual/linux.ts';
import { rest } from './virtual/rest.ts';
import { rpi } from './virtual/rpi.ts';
import { uboot } from './virtual/uboot.ts';
import { uefi } from './virtual/uefi.ts';

/** The world a virtual board lives in. */
export interface VirtualBoardEdges {
  readonly net: BoardNet;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Told of each entry of its log, and of each change of its state. */
  readonly onLog?: (entry: BoardLogEntry) => void;
  readonly onState?: (state: Partial<Omit<BoardReport, 'log'>>) => void;
}

/** A board that lives in this process and speaks real DHCP, TFTP and HTTP. */
export interface VirtualBoard extends RackBoard {
  report(): BoardReport;
  /** Resolves when it gets to one of these stages; rejects with its log when it is stuck or the time is up. */
  reaches(stages: readonly BoardStage[], timeoutMs: number): Promise<BoardReport>;
}

/** A file that got lost on the way is asked for again so often, as loaders do; then the whole boot begins anew. */
const FILE_TRIES = 3;
const BOOT_TRIES = 5;
const BOOT_AGAIN_MS = 2000;

/** Makes a board; it is off. Its firmware tries several times, as boards with a boot loop do. */
export function virtualBoard(spec: VirtualBoardSpec, edges: VirtualBoardEdges): VirtualBoard {
  return new Board(spec, edges);
}

class Board implements VirtualBoard {
  readonly #spec: VirtualBoardSpec;
  readonly #edges: VirtualBoardEdges;
  readonly #record: BoardRecord;
  #lease: BoardLease | undefined;
  #orders: Promise<void> = Promise.resolve();
  #run: { readonly power: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(spec: VirtualBoardSpec, edges: VirtualBoardEdges) {
    this.#spec = spec;
    this.#edges = edges;
    this.#record = new BoardRecord(spec.name, edges.clock);
  }

  get name(): string {
    return this.#spec.name;
  }
  get kind(): VirtualBoardSpec['kind'] {
    return this.#spec.kind;
  }
  get mac(): VirtualBoardSpec['mac'] {
    return this.#spec.mac;
  }

  isOn(): boolean {
    return this.#run !== undefined;
  }

  powerOn(): Promise<void> {
    return this.#next(() => {
      if (this.#run) return Promise.resolve();
      const power = new AbortController();
      this.#record.trim();
      this.#say('power', 'on');
      this.#become({ args: undefined });
      this.#run = { power, ended: this.#boot(power.signal) };
      return Promise.resolve();
    });
  }

  powerOff(): Promise<void> {
    this.#run?.power.abort(new Error('power off'));
    return this.#next(async () => {
      if (!this.#run) return;
      this.#run.power.abort(new Error('power off'));
      await this.#run.ended;
      await this.#drop();
      this.#run = undefined;
      this.#say('power', 'off');
      this.#become({ stage: 'off' });
    });
  }

  /** Orders are carried out one after another. */
  #next(order: () => Promise<void>): Promise<void> {
    this.#orders = this.#orders.then(order);
    return this.#orders;
  }

  report(): BoardReport {
    return this.#record.report();
  }

  reaches(stages: readonly BoardStage[], timeoutMs: number): Promise<BoardReport> {
    return this.#record.reaches(stages, timeoutMs);
  }

  async #boot(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; attempt <= BOOT_TRIES; attempt += 1) {
      if (attempt > 1) await rest(this.#edges.clock, BOOT_AGAIN_MS, signal).catch(() => undefined);
      if (isOff(signal)) return;
      try {
        this.#become({ stage: 'firmware' });
        await this.#bootOnce(this.#hands(signal));
        return;
      } catch (cause) {
        if (isOff(signal)) return;
        this.#say('boot', cause instanceof Error ? cause.message : String(cause));
      }
    }
    this.#become({ stage: 'stuck' });
  }

  async #bootOnce(hands: Hands): Promise<void> {
    await hands.work();
    const handover = await firmware(hands);
    if (handover.to === 'local-disk') {
      this.#say('boot', 'from its own disk');
      this.#become({ stage: 'local-disk' });
      return;
    }
    const { started } = handover;
    this.#say('boot', `Starting kernel ... ${started.args}`);
    this.#become({ stage: 'kernel', args: started.args });
    this.#become({ stage: await linux(hands, started) });
  }

  #hands(signal: AbortSignal): Hands {
    const { net, clock, rng } = this.#edges;
    return {
      spec: this.#spec,
      lease: async (identity) => {
        const say = (words: string): void => {
          this.#say('dhcp', words);
        };
        const client = { wire: net.dhcp, clock, rng, mac: this.mac, signal, say };
        const acquired = await acquire(client, identity);
        if (!acquired) throw new BootFailed(`${identity.stage}: no answer to DHCP`);
        const { lease, proxy } = acquired;
        await this.#take(lease);
        if (proxy === undefined) return lease;
        const whole = await askProxy(client, identity, lease, proxy);
        if (!whole) throw new BootFailed(`${identity.stage}: PXE-E55: ProxyDHCP service did not reply on port 4011`);
        await this.#take(whole);
        return whole;
      },
      tftp: (path, habit) => this.#tftp(path, habit, signal),
      tftpProbe: async (path, habit) => {
        const lease = this.#leased();
        await net.tftpProbe(lease.siaddr, path, habit, { from: lease.address, signal });
      },
      http: async (order) => {
        const answer = await net.http(order, { from: this.#leased().address, signal });
        this.#say('http', `${order.method} ${order.url} ${String(answer.status)}`, answer.body);
        return answer;
      },
      say: (what, words) => {
        this.#say(what, words);
      },
      pause: (ms) => rest(clock, ms, signal),
      work: () => rest(clock, this.#spec.paceMs, signal),
    };
  }

  async #tftp(path: string, habit: TftpHabit, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const lease = this.#leased();
    const answer = await this.#tftpAgain(path, habit, lease, signal);
    if (answer.is === 'file') {
      this.#say('tftp', path, answer.octets);
      return answer.octets;
    }
    this.#say('tftp', `${path}: ${answer.words}`);
    return undefined;
  }

  async #tftpAgain(path: string, habit: TftpHabit, lease: BoardLease, signal: AbortSignal): Promise<TftpAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#edges.net.tftp(lease.siaddr, path, habit, { from: lease.address, signal });
      } catch (cause) {
        if (signal.aborted || attempt === FILE_TRIES) throw cause;
        this.#say('tftp', `${path}: ${cause instanceof Error ? cause.message : String(cause)}; starting again`);
      }
    }
  }

  #leased(): BoardLease {
    if (!this.#lease) throw new BootFailed('no address yet');
    return this.#lease;
  }

  async #take(lease: BoardLease): Promise<void> {
    if (this.#lease?.address !== lease.address) {
      await this.#drop();
      await this.#edges.net.claim(lease.address, lease.subnet);
    }
    this.#lease = lease;
    this.#become({ address: lease.address });
    this.#say('dhcp', `has ${formatIpv4(lease.address)}, siaddr ${formatIpv4(lease.siaddr)}`);
  }

  async #drop(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    if (!lease) return;
    this.#become({ address: undefined });
    await this.#edges.net.unclaim(lease.address, lease.subnet);
  }

  #become(state: Partial<Omit<BoardReport, 'log'>>): void {
    this.#record.become(state);
    this.#edges.onState?.(state);
  }

  #say(what: BoardLogEntry['what'], words: string, octets?: Uint8Array): void {
    const sha256 = octets && createHash('sha256').update(octets).digest('hex');
    const entry = { atMs: this.#edges.clock.now(), what, words, octets: octets?.length, sha256 };
    this.#record.note(entry);
    this.#edges.onLog?.(entry);
  }
}

/** Asked afresh each time: the compiler takes a signal that was not raised a line ago for one that never is. */
function isOff(signal: AbortSignal): boolean {
  return signal.aborted;
}

function firmware(hands: Hands): Promise<Handover> {
  const { kind } = hands.spec;
  switch (kind) {
    case 'uboot-arm64':
    case 'pdu-only':
      return uboot(hands, 8);
    case 'uboot-armhf':
      return uboot(hands, 7);
    case 'uefi-x64':
      return uefi(hands, 'x64');
    case 'uefi-arm64':
      return uefi(hands, 'arm64');
    case 'bios-ipxe':
      return ipxe(hands);
    case 'rpi-3':
      return rpi(hands, 3);
    case 'rpi-4':
      return rpi(hands, 4);
    case 'rpi-5':
      return rpi(hands, 5);
  }
}
