import { formatIpv4, type Ipv4 } from '../core/address.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { hasAddress, type HostInterface } from './interfaces.ts';

/** Interfaces are looked at this often; with the time to open, a new one is served well within five seconds. */
const POLL_MS = 2000;

/** What is kept open on an interface. */
export interface Kept {
  close(): Promise<void>;
}

/** What to keep open, and where. */
export interface KeepOpen<T extends Kept> {
  /** Interfaces by name, with the address that must be on each before it can be served. */
  readonly wanted: ReadonlyMap<string, Ipv4>;
  readonly interfaces: () => Promise<ReadonlyMap<string, HostInterface>>;
  /** `lost` may be called when the opened thing has stopped working: it is then opened again. */
  readonly open: (device: string, address: Ipv4, lost: () => void) => Promise<T>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Things that stay open as interfaces come and go. */
export interface Keeper<T> {
  get(device: string): T | undefined;
  names(): readonly string[];
  /** Whether an address is on any interface of the host, as of the last look. */
  isOurs(address: Ipv4): boolean;
  close(): Promise<void>;
}

interface Entry<T> {
  /** Tells this opening from a later one on the same interface. */
  readonly id: object;
  readonly index: number;
  readonly kept: T;
  isLost: boolean;
}

/**
 * Opens one thing per wanted interface and keeps it so: an interface that appears late, loses its address, or is deleted
 * and made anew (which kills sockets tied to it) is followed within one poll. Resolves after the first look, with
 * absent interfaces announced as waited for. @throws what `open` throws during the first look.
 */
export async function keepOpen<T extends Kept>(options: KeepOpen<T>): Promise<Keeper<T>> {
  const keeper = new InterfaceKeeper(options);
  try {
    await keeper.look();
  } catch (cause) {
    await keeper.close();
    throw cause;
  }
  keeper.watch();
  return keeper;
}

class InterfaceKeeper<T extends Kept> implements Keeper<T> {
  readonly #options: KeepOpen<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #told = new Map<string, string>();
  #addresses: ReadonlySet<Ipv4> = new Set();
  #looking: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;
  #isClosed = false;

  constructor(options: KeepOpen<T>) {
    this.#options = options;
  }

  get(device: string): T | undefined {
    return this.#entries.get(device)?.kept;
  }

  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  isOurs(address: Ipv4): boolean {
    return this.#addresses.has(address);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#looking.catch(() => undefined);
    for (const device of this.names()) await this.#drop(device);
  }

  /** Looks again and again; what fails is told once and tried again. */
  watch(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#options.clock.after(POLL_MS, () => {
      this.#looking = this.look()
        .catch((error: unknown) => {
          this.#tell('', `dhcp: ${error instanceof Error ? error.message : String(error)}`);
        })
        .finally(() => {
          this.watch();
        });
    });
  }

  async look(): Promise<void> {
    const present = await this.#options.interfaces();
    this.#addresses = new Set([...present.values()].flatMap((each) => each.addresses));
    for (const [device, address] of this.#options.wanted) await this.#follow(device, address, present.get(device));
  }

  async #follow(device: string, address: Ipv4, seen: HostInterface | undefined): Promise<void> {
    const entry = this.#entries.get(device);
    const isThere = seen !== undefined && hasAddress(seen, address);
    if (entry && (!isThere || entry.isLost || entry.index !== seen.index)) await this.#drop(device);
    if (!seen || !isThere) {
      this.#tell(device, `dhcp: waiting for ${formatIpv4(address)} on interface ${device}`);
      return;
    }
    if (!this.#entries.has(device)) await this.#open(device, address, seen.index);
  }

  async #open(device: string, address: Ipv4, index: number): Promise<void> {
    let isLostEarly = false;
    const id = {};
    const kept = await this.#options.open(device, address, () => {
      const entry = this.#entries.get(device);
      if (entry?.id === id) entry.isLost = true;
      else isLostEarly = true;
    });
    this.#entries.set(device, { id, index, kept, isLost: isLostEarly });
    this.#told.delete('');
    this.#tell(device, `dhcp: serving ${formatIpv4(address)} on interface ${device}`);
  }

  async #drop(device: string): Promise<void> {
    const entry = this.#entries.get(device);
    this.#entries.delete(device);
    await entry?.kept.close();
  }

  #tell(device: string, words: string): void {
    if (this.#told.get(device) === words) return;
    this.#told.set(device, words);
    this.#options.log.info(words, device === '' ? {} : { interface: device });
  }
}
