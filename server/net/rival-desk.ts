import type { Ipv4 } from '../core/address.ts';
import type { Log } from '../ports/log.ts';
import { BindError } from './bind-error.ts';
import { LOOPBACK } from './interfaces.ts';
import { describeRival, watchRivals, withMac, type Rival, type RivalEdges } from './rival.ts';

/** The wire is asked for other servers this often; their answers to clients are heard at any time. */
const PROBE_EVERY_MS = 180_000;
/** The same server is reported again after this. */
const REPORT_EVERY_MS = 300_000;
/** Names a flood of invented servers may fill. */
const RIVALS_MAX = 64;

/** What the desk needs; `report` hears of each rival at most once in five minutes. */
export interface RivalDeskOptions extends RivalEdges {
  readonly log: Log;
  readonly report: (rival: Rival) => void;
}

/** Collects what is seen of other DHCP servers. */
export interface RivalDesk {
  /** Watches an interface until closed (loopback has nobody to watch); without port 68 it does with what clients say, and says so in the log. */
  watch(device: string, ours: Ipv4): Promise<{ close(): Promise<void> }>;
  /** Takes in what was seen elsewhere. */
  heard(rival: Rival): void;
}

/** Opens the desk. */
export function openRivalDesk(options: RivalDeskOptions): RivalDesk {
  const { clock, log, neighbours, report } = options;
  const reportedMs = new Map<Ipv4, number>();
  const heard = (rival: Rival): void => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (reportedMs.get(rival.serverId) ?? -Infinity) < REPORT_EVERY_MS) return;
    if (reportedMs.size >= RIVALS_MAX) reportedMs.clear();
    reportedMs.set(rival.serverId, nowMs);
    void withMac(rival, neighbours).then((known) => {
      log.warn(`dhcp: another DHCP server: ${describeRival(known)}`, { interface: known.interface });
      report(known);
    });
  };
  return { heard, watch: (device, ours) => watchDevice(device, ours, options, heard) };
}

async function watchDevice(
  device: string,
  ours: Ipv4,
  options: RivalDeskOptions,
  heard: (rival: Rival) => void,
): Promise<{ close(): Promise<void> }> {
  const { clock, log } = options;
  if (device === LOOPBACK) return { close: () => Promise.resolve() };
  try {
    const watch = await watchRivals(device, ours, options, heard);
    let cancel: () => void = () => undefined;
    const probe = (): void => {
      watch.probe();
      cancel = clock.after(PROBE_EVERY_MS, probe);
    };
    probe();
    return {
      close: () => {
        cancel();
        return watch.close();
      },
    };
  } catch (error) {
    if (!(error instanceof BindError)) throw error;
    log.info(`dhcp: no watch for other DHCP servers on ${device}: ${error.message}`, { interface: device });
    return { close: () => Promise.resolve() };
  }
}
