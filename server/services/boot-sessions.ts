import type { Ipv4, Mac, Sha256 } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Machine, MachineId } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { Rng } from '../ports/rng.ts';
import type { BootStore } from '../ports/store.ts';

/** Silence after which the firmware's next word is a new boot. */
const SILENCE_MS = 120_000;
const SESSIONS_MAX = 5000;

/** One boot as it happens: what was said so far by the same board under its several identities. */
export interface BootSession {
  readonly id: string;
  readonly machine: MachineId;
  readonly mac: Mac;
  /** The one-boot token in clear; only its hash is stored. */
  readonly token: string;
  readonly startedMs: number;
  /** What the firmware last said of itself in DHCP. */
  request: BootRequest;
  address: Ipv4 | undefined;
  lastMs: number;
  /** Whether its kernel went out, or the machine was switched: the firmware's next word begins another boot. */
  over: boolean;
  /** The plan told on the timeline last, so that it is told once. */
  told: string | undefined;
  /** The kernel of the plan made last, which may be one that was made for this board. */
  kernel: Sha256 | undefined;
}

/** The boots under way, by MAC and by address. */
export interface BootSessions {
  /** The firmware of a machine spoke: its session, or a new one with a record and a token of its own. */
  firmwareSpoke(machine: Machine, request: BootRequest): Promise<BootSession>;
  byMac(mac: Mac): BootSession | undefined;
  ofMachine(id: MachineId): BootSession | undefined;
  /** Ends the sessions of a machine: it was switched, or its lender changed. */
  end(id: MachineId): void;
}

const hex = (octets: Uint8Array): string => Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');

const NOTHING_YET = { over: false, told: undefined, kernel: undefined } as const;

/** Keeps the sessions; `sha256` gives the hexadecimal digest of a text. */
export function createBootSessions(deps: {
  readonly boots: BootStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly sha256: (text: string) => string;
}): BootSessions {
  const sessions = new Map<Mac, BootSession>();
  const beginning = new Map<Mac, Promise<BootSession>>();

  const begin = async (machine: Machine, request: BootRequest): Promise<BootSession> => {
    const token = hex(deps.rng.octets(16));
    const startedMs = deps.clock.now();
    const session: BootSession = {
      id: `b-${hex(deps.rng.octets(8))}`,
      machine: machine.id,
      mac: request.mac,
      token,
      startedMs,
      request,
      address: undefined,
      lastMs: startedMs,
      ...NOTHING_YET,
    };
    await deps.boots.add({
      id: session.id,
      machine: machine.id,
      startedMs,
      tokenHash: deps.sha256(token),
      plan: '',
    });
    sessions.delete(request.mac);
    sessions.set(request.mac, session);
    for (const [mac] of sessions) {
      if (sessions.size <= SESSIONS_MAX) break;
      sessions.delete(mac);
    }
    return session;
  };

  return {
    firmwareSpoke: async (machine, request) => {
      const known = sessions.get(request.mac);
      const now = deps.clock.now();
      if (known?.machine === machine.id && !known.over && now - known.lastMs < SILENCE_MS) {
        known.request = request;
        known.lastMs = now;
        return known;
      }
      // Retransmitted DISCOVERs of one board must not begin two boots while the first is being stored.
      const pending = beginning.get(request.mac);
      if (pending) return pending;
      const begun = begin(machine, request).finally(() => beginning.delete(request.mac));
      beginning.set(request.mac, begun);
      return begun;
    },
    byMac: (mac) => sessions.get(mac),
    ofMachine: (id) => [...sessions.values()].find((session) => session.machine === id),
    end: (id) => {
      for (const session of sessions.values()) if (session.machine === id) session.over = true;
    },
  };
}
