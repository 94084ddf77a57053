import { hexOf, type Ipv4, type Mac, type Sha256 } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Machine, MachineId } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { Rng } from '../ports/rng.ts';
import type { BootStore } from '../ports/store.ts';
import type { EventBuffer } from './event-buffer.ts';

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
  /** What the firmware last said of itself in DHCP; of a boot that was only ordered, what is remembered. */
  request: BootRequest;
  address: Ipv4 | undefined;
  lastMs: number;
  /** Whether anything was heard of it; an order alone is no word. */
  heard: boolean;
  /** Who sent the last DHCP message: the firmware, or the system it had booted. */
  speaker: 'firmware' | 'system';
  /** Files that are going out now. */
  sending: number;
  /** When the last file ended. */
  lastFileMs: number | undefined;
  /** Whether its kernel went out, or the machine was switched: the firmware's next word begins another boot. */
  over: boolean;
  /** Whether the machine was switched since: what comes next says nothing about this boot. */
  switched: boolean;
  /** The plan told on the timeline last, so that it is told once. */
  told: string | undefined;
  /** The kernel of the plan made last, which may be one that was made for this board. */
  kernel: Sha256 | undefined;
  /** One-shot parameter settings that count in the plan it was given last; they are used up when its kernel goes out. */
  once: readonly number[];
  /** Whether a kernel went out whole. */
  kernelWent: boolean;
}

/** The boots under way, by MAC and by address. */
export interface BootSessions {
  /** The firmware of a machine spoke: its session, or a new one with a record and a token of its own. */
  firmwareSpoke(machine: Machine, request: BootRequest): Promise<BootSession>;
  /** Power was ordered on: a boot begins before anything is heard of it, unless such a one waits already. */
  ordered(machine: Machine, atMs: number): Promise<void>;
  byMac(mac: Mac): BootSession | undefined;
  byId(id: string): BootSession | undefined;
  ofMachine(id: MachineId): BootSession | undefined;
  /** Ends the sessions of a machine: it was switched, or its lender changed. */
  end(id: MachineId): void;
}

/** What sessions are made with; `sha256` gives the hexadecimal digest of a text. */
export interface BootSessionDeps {
  readonly boots: Pick<BootStore, 'add'>;
  readonly timeline: Pick<EventBuffer, 'add'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly sha256: (text: string) => string;
}

/** Keeps the sessions. */
export function createBootSessions(deps: BootSessionDeps): BootSessions {
  const sessions = new Map<Mac, BootSession>();
  const beginning = new Map<Mac, Promise<BootSession>>();
  const ofMachine = (id: MachineId): BootSession | undefined =>
    [...sessions.values()].findLast((session) => session.machine === id);

  const keep = (session: BootSession): void => {
    sessions.delete(session.mac);
    sessions.set(session.mac, session);
    for (const [mac] of sessions) {
      if (sessions.size <= SESSIONS_MAX) break;
      sessions.delete(mac);
    }
  };

  const begin = async (machine: Machine, request: BootRequest, orderedMs?: number): Promise<BootSession> => {
    const session = newSession(deps, machine, request, orderedMs);
    const { id, token, startedMs } = session;
    await deps.boots.add({ id, machine: machine.id, startedMs, tokenHash: deps.sha256(token), plan: '' });
    keep(session);
    return session;
  };

  /** A boot that was ordered and not heard of yet is this one, whichever of its interfaces speaks. */
  const adoptOrdered = (machine: Machine, request: BootRequest): BootSession | undefined => {
    const ordered = ofMachine(machine.id);
    if (!ordered || ordered.heard || ordered.over) return undefined;
    const adopted = Object.assign(ordered, { mac: request.mac, heard: true, lastMs: deps.clock.now() });
    for (const [mac, session] of sessions) if (session === ordered) sessions.delete(mac);
    keep(adopted);
    return adopted;
  };

  return {
    firmwareSpoke: async (machine, request) => {
      const known = adoptOrdered(machine, request) ?? sessions.get(request.mac);
      const now = deps.clock.now();
      const goesOn = known && !known.over && now - known.lastMs < SILENCE_MS;
      if (goesOn && known.machine === machine.id) return Object.assign(known, { request, lastMs: now });
      // Retransmitted DISCOVERs of one board must not begin two boots while the first is being stored.
      const pending = beginning.get(request.mac);
      if (pending) return pending;
      if (known?.machine === machine.id && !known.switched) tellAgain(deps, known, request);
      const begun = begin(machine, request).finally(() => beginning.delete(request.mac));
      beginning.set(request.mac, begun);
      return begun;
    },
    ordered: async (machine, startedMs) => {
      const [mac] = machine.macs;
      const waiting = ofMachine(machine.id);
      if (mac === undefined || (waiting && !waiting.heard && !waiting.over)) return;
      endAll(sessions.values(), machine.id);
      const session = await begin(machine, rememberedRequest(machine, mac), startedMs);
      const about = { machine: machine.id, boot: session.id, detail: { signal: 'ordered' } };
      const atMs = deps.clock.now();
      deps.timeline.add({ ...about, atMs, kind: 'boot', severity: 'note', text: 'waiting for its first packet' });
    },
    byMac: (mac) => sessions.get(mac),
    byId: (id) => [...sessions.values()].find((session) => session.id === id),
    ofMachine,
    end: (id) => {
      endAll(sessions.values(), id);
    },
  };
}

function endAll(sessions: Iterable<BootSession>, id: MachineId): void {
  for (const session of sessions) if (session.machine === id) Object.assign(session, { over: true, switched: true });
}

function newSession(
  deps: BootSessionDeps,
  machine: Machine,
  request: BootRequest,
  orderedMs: number | undefined,
): BootSession {
  const startedMs = orderedMs ?? deps.clock.now();
  return {
    id: `b-${hexOf(deps.rng.octets(8))}`,
    machine: machine.id,
    mac: request.mac,
    token: hexOf(deps.rng.octets(16)),
    ...{ startedMs, request, heard: orderedMs === undefined, lastMs: startedMs },
    ...{ address: undefined, lastFileMs: undefined, told: undefined, kernel: undefined },
    ...{ speaker: 'firmware', sending: 0, over: false, switched: false, once: [], kernelWent: false },
  };
}

/** What the firmware of a machine last said of itself, as far as it is kept. */
export function rememberedRequest(machine: Machine, mac: Mac): BootRequest {
  return {
    mac,
    clientArch: machine.firmware?.clientArch,
    vendorClass: machine.firmware?.vendorClass,
    userClass: machine.firmware?.userClass,
    systemUuid: machine.systemUuid,
    loader: undefined,
    arch: machine.arch,
    format: undefined,
  };
}

/** The firmware began anew by itself, which says something about the boot before. */
function tellAgain(deps: BootSessionDeps, before: BootSession, request: BootRequest): void {
  const atMs = deps.clock.now();
  const sinceMs = atMs - (before.lastFileMs ?? before.lastMs);
  // u-boot shows two faces within one life: its own, then that of its EFI step.
  const wentOn = /^U-Boot/.test(before.request.vendorClass ?? '') && /^PXEClient/.test(request.vendorClass ?? '');
  const words = wentOn ? 'its loader went on to its next way of booting' : 'its firmware began anew';
  deps.timeline.add({
    ...{ atMs, kind: 'boot', severity: 'note', machine: before.machine, boot: before.id },
    text: `${words}, ${(sinceMs / 1000).toFixed(1)} s after its last word; another boot begins`,
    detail: { signal: 'again', sinceMs, wentOn },
  });
}
