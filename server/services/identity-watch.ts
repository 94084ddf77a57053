import type { Mac } from '../core/address.ts';
import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { DhcpRecord } from '../ports/dhcp-advisor.ts';
import type { MachineStore } from '../ports/store.ts';
import type { EventBuffer } from './event-buffer.ts';

/** Who was seen is remembered for so many; the longest unheard are forgotten first. */
const REMEMBERED_MAX = 5000;
/** The same conflict is told again only after this. */
const TOLD_EVERY_MS = 3_600_000;
/** A MAC that shows up on another switch port later than this was plugged in there. */
const REPLUGGED_MS = 600_000;

/** With what an identity was seen last, and when its conflict was told. */
interface Sighting<T> {
  readonly by: T;
  readonly atMs: number;
  readonly toldMs: number | undefined;
}

/**
 * Looks for boards that claim one identity: a system UUID shown by two machines, a MAC on two switch ports at once. It
 * tells the operator and changes nothing: the MAC decides who a machine is, and two machines are never merged.
 */
export interface IdentityWatch {
  /** The firmware of a machine spoke. */
  sawUuid(machine: Machine, mac: Mac, systemUuid: string | undefined): Promise<void>;
  /** A DHCP message was heard; only those a relay marked with a port count. */
  sawPort(record: Pick<DhcpRecord, 'mac' | 'network' | 'relayPort'>): void;
}

/** What the watch needs. */
export interface IdentityWatchDeps {
  readonly machines: Pick<MachineStore, 'byMac'>;
  readonly timeline: Pick<EventBuffer, 'add'>;
  readonly clock: Clock;
}

/** Starts with an empty memory. */
export function createIdentityWatch(deps: IdentityWatchDeps): IdentityWatch {
  const { machines, timeline, clock } = deps;
  const uuids = createMemory<Mac>(Infinity);
  const ports = createMemory<string>(REPLUGGED_MS);
  const tell = (machine: Machine | undefined, text: string, detail: Readonly<Record<string, string>>): void => {
    const about = { machine: machine?.id, boot: undefined, text, detail };
    timeline.add({ atMs: clock.now(), kind: 'security', severity: 'warning', ...about });
  };
  return {
    sawUuid: async (machine, mac, systemUuid) => {
      if (systemUuid === undefined || isNoUuid(systemUuid)) return;
      const other = uuids.conflict(systemUuid, mac, clock.monotonicMs());
      if (other === undefined || machine.macs.includes(other)) return;
      const name = (await machines.byMac(other))?.name;
      if (name === machine.name || !uuids.mayTell(systemUuid, clock.monotonicMs())) return;
      const [one, two] = [`"${machine.name}" (${mac})`, name === undefined ? other : `"${name}" (${other})`];
      const text = `${one} and ${two} show the same system UUID; the MAC decides, they stay two machines`;
      tell(machine, text, { mac, other, systemUuid });
    },
    sawPort: ({ mac, network, relayPort }) => {
      if (relayPort === undefined) return;
      const key = `${network} ${mac}`;
      const other = ports.conflict(key, relayPort, clock.monotonicMs());
      if (other === undefined || !ports.mayTell(key, clock.monotonicMs())) return;
      const text = `${mac} asks on two switch ports of ${network}, ${other} and ${relayPort}: was it moved, or have two boards one MAC?`;
      tell(undefined, text, { mac, network, port: relayPort, other });
    },
  };
}

/** All zeros or all ones is what a board says that has no UUID. */
function isNoUuid(systemUuid: string): boolean {
  return /^[0-]+$|^[f-]+$/.test(systemUuid);
}

interface Memory<T> {
  /** Notes a sighting; gives with what else the identity was seen, unless that is too long ago. */
  conflict(key: string, by: T, nowMs: number): T | undefined;
  /** Whether a conflict is to be told now; if so it counts as told. */
  mayTell(key: string, nowMs: number): boolean;
}

function createMemory<T>(withinMs: number): Memory<T> {
  const seen = new Map<string, Sighting<T>>();
  return {
    conflict: (key, by, nowMs) => {
      const before = seen.get(key);
      seen.delete(key);
      seen.set(key, { by, atMs: nowMs, toldMs: before?.toldMs });
      for (const oldest of seen.keys()) {
        if (seen.size <= REMEMBERED_MAX) break;
        seen.delete(oldest);
      }
      return before && before.by !== by && nowMs - before.atMs < withinMs ? before.by : undefined;
    },
    mayTell: (key, nowMs) => {
      const sighting = seen.get(key);
      if (!sighting || (sighting.toldMs !== undefined && nowMs - sighting.toldMs < TOLD_EVERY_MS)) return false;
      seen.set(key, { ...sighting, toldMs: nowMs });
      return true;
    },
  };
}
