import type { Ipv4 } from '../core/address.ts';
import { pause, type Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { BindError } from './bind-error.ts';
import { LOOPBACK } from './interfaces.ts';
import { describeRival, watchRivals, withMac, type Rival, type RivalEdges, type RivalWatch } from './rival.ts';

/** The wire is asked for other servers this often, so that a new one is known within a minute; answers to clients are heard at any time. */
const PROBE_EVERY_MS = 45_000;
/** A server that answered probes is gone when three of them stay unanswered. */
const GONE_MS = 150_000;
/** One that answers its own clients only is gone when it has said nothing for this long. */
const UNHEARD_GONE_MS = 600_000;
/** How long a server that is expected has to answer the first probe; some ping for seconds before an OFFER. */
const EXPECTED_WITHIN_MS = 10_000;
/** A server that a board named is asked at once, and has this long to show its hardware address before it is told of. */
const SHOWS_ITSELF_MS = 2000;
/** Names a flood of invented servers may fill; those beyond are not told of until others are gone. */
const RIVALS_MAX = 64;

/** What is new about the other DHCP servers; each is told of once until it goes away. */
export type ServerNews =
  | { readonly is: 'seen' | 'gone'; readonly rival: Rival }
  /** Where another server is expected to give the addresses, none does. */
  | { readonly is: 'nobody'; readonly interface: string };

/** What the desk needs. */
export interface RivalDeskOptions extends RivalEdges {
  readonly log: Log;
  readonly report: (news: ServerNews) => void;
}

/** The other servers as they stand. */
export interface OtherServers {
  readonly present: readonly Rival[];
  /** Interfaces where one is expected and none answers. */
  readonly lacking: readonly string[];
}

/** Collects what is seen of other DHCP servers. */
export interface RivalDesk {
  /**
   * Watches an interface until closed (loopback has nobody to watch); without port 68 it does with what clients say, and
   * says so in the log. `expects`: another server is to give the addresses there.
   */
  watch(device: string, ours: Ipv4, expects: boolean): Promise<{ close(): Promise<void> }>;
  /** Takes in what was seen elsewhere. */
  heard(rival: Rival): void;
  now(): OtherServers;
}

/** Opens the desk. */
export function openRivalDesk(options: RivalDeskOptions): RivalDesk {
  return new Desk(options);
}

interface Known {
  rival: Rival;
  lastMs: number;
  answersProbes: boolean;
}

const idOf = (rival: Rival): string => `${rival.interface} ${String(rival.serverId)} ${String(rival.isProxy)}`;

class Desk implements RivalDesk {
  readonly #options: RivalDeskOptions;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #expects = new Set<string>();
  readonly #lacking = new Set<string>();
  readonly #watches = new Map<string, RivalWatch>();

  constructor(options: RivalDeskOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  now(): OtherServers {
    return { present: [...this.#known.values()].map((each) => each.rival), lacking: [...this.#lacking] };
  }

  heard(rival: Rival): void {
    const lastMs = this.#clock.monotonicMs();
    const known = this.#known.get(idOf(rival));
    if (known) {
      known.lastMs = lastMs;
      known.answersProbes ||= rival.toProbe;
      if (known.rival.mac === undefined && known.rival.source === undefined && rival.source !== undefined) {
        known.rival = rival;
        void this.#name(known);
      }
      return;
    }
    if (this.#known.size >= RIVALS_MAX) return;
    const fresh = { rival, lastMs, answersProbes: rival.toProbe };
    this.#known.set(idOf(rival), fresh);
    if (!rival.isProxy) this.#lacking.delete(rival.interface);
    void this.#introduce(fresh);
  }

  async #introduce(fresh: Known): Promise<void> {
    if (fresh.rival.source === undefined) {
      this.#watches.get(fresh.rival.interface)?.probe();
      await pause(this.#clock, SHOWS_ITSELF_MS);
    }
    if (fresh.rival.mac === undefined) await this.#name(fresh);
    this.#tell({ is: 'seen', rival: fresh.rival });
  }

  async watch(device: string, ours: Ipv4, expects: boolean): Promise<{ close(): Promise<void> }> {
    if (device === LOOPBACK) return { close: () => Promise.resolve() };
    const watch = await this.#open(device, ours);
    if (watch) this.#watches.set(device, watch);
    if (expects && watch) this.#expects.add(device);
    // What was known before the interface went away has had no chance to be heard.
    for (const known of this.#on(device)) known.lastMs = this.#clock.monotonicMs();
    const cancelFirst = this.#clock.after(EXPECTED_WITHIN_MS, () => {
      this.#missEverybody(device);
    });
    let cancelNext: () => void = () => undefined;
    const probe = (): void => {
      watch?.probe();
      cancelNext = this.#clock.after(PROBE_EVERY_MS, () => {
        this.#sweep(device);
        probe();
      });
    };
    probe();
    return {
      close: async () => {
        cancelFirst();
        cancelNext();
        this.#watches.delete(device);
        this.#expects.delete(device);
        this.#lacking.delete(device);
        await watch?.close();
      },
    };
  }

  async #open(device: string, ours: Ipv4): Promise<RivalWatch | undefined> {
    try {
      return await watchRivals(device, ours, this.#options, (rival) => {
        this.heard(rival);
      });
    } catch (error) {
      if (!(error instanceof BindError)) throw error;
      const words = `dhcp: no watch for other DHCP servers on ${device}: ${error.message}`;
      this.#options.log.info(words, { interface: device });
      return undefined;
    }
  }

  #on(device: string): readonly Known[] {
    return [...this.#known.values()].filter((each) => each.rival.interface === device);
  }

  #sweep(device: string): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { rival, lastMs, answersProbes } of this.#on(device)) {
      if (nowMs - lastMs < (answersProbes ? GONE_MS : UNHEARD_GONE_MS)) continue;
      this.#known.delete(idOf(rival));
      this.#tell({ is: 'gone', rival });
    }
    this.#missEverybody(device);
  }

  #missEverybody(device: string): void {
    if (!this.#expects.has(device) || this.#lacking.has(device)) return;
    if (this.#on(device).some((each) => !each.rival.isProxy)) return;
    this.#lacking.add(device);
    this.#tell({ is: 'nobody', interface: device });
  }

  async #name(known: Known): Promise<void> {
    const named = await withMac(known.rival, this.#options);
    known.rival = named;
  }

  #tell(news: ServerNews): void {
    const { log, report } = this.#options;
    if (news.is === 'nobody') {
      log.warn(`dhcp: nobody gives addresses on ${news.interface}`, { interface: news.interface });
    } else {
      const { rival } = news;
      const isWelcome = this.#expects.has(rival.interface) && !rival.isProxy;
      const words = `dhcp: ${isWelcome ? 'the' : 'another'} DHCP server${news.is === 'gone' ? ' is gone' : ''}: ${describeRival(rival)}`;
      if (isWelcome) log.info(words, { interface: rival.interface });
      else log.warn(words, { interface: rival.interface });
    }
    report(news);
  }
}
