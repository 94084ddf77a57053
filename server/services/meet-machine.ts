import { isGroupMac, type Mac } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { NewEvent } from '../core/event.ts';
import type { Network } from '../core/lease.ts';
import { BARE_MACHINE, isCandidate, machineIdOf, type FirmwareSeen, type Machine } from '../core/machine.ts';
import { metName } from '../core/machine-name.ts';
import { requesterOf } from '../core/requester.ts';
import { StaleWrite, StoreUnavailable, Taken, type MachineChange } from '../ports/store.ts';
import type { EnlistDeps } from './enlist-deps.ts';
import { createBucket } from './enlist-limits.ts';

const CANDIDATES_MAX = 1000;
const BURST = 300;
const PER_SECOND = 10;
const SEEN_EVERY_MS = 60_000;
/** A firmware may show two identities in one boot; more than one write a second tells nothing new. */
const FIRMWARE_EVERY_MS = 1000;
const FLOOD_WORD_EVERY_MS = 60_000;
const VENDOR_CLASS_LETTERS_MAX = 255;

type Meet = (mac: Mac, network: Network, request: BootRequest) => Promise<Machine | undefined>;

/** The part of enlistment that only sees packets. Known machines never wait for, nor are limited by, strangers. */
export function createMeet(deps: EnlistDeps): Meet {
  const bucket = createBucket(deps.clock, BURST, PER_SECOND);
  const underWay = new Map<Mac, Promise<Machine | undefined>>();
  const candidates = createCandidateCount(deps);
  const flood = createFloodWord(deps);

  const admit = async (mac: Mac, network: Network, request: BootRequest): Promise<Machine | undefined> => {
    if (!bucket.take()) {
      flood.refused(network);
      return undefined;
    }
    const machine = await addCandidate(deps, mac, network, request);
    if (machine) await candidates.grew();
    return machine;
  };

  return async (mac, network, request) => {
    const known = await deps.machines.byMac(mac);
    if (known) return noteSeen(deps, known, network, request);
    if (network.unknown !== 'enlist' || isGroupMac(mac) || mac === '00:00:00:00:00:00') return undefined;
    // One board asks several times before it is answered: one row.
    const running = underWay.get(mac);
    if (running) return running;
    const admitted = admit(mac, network, request).finally(() => underWay.delete(mac));
    underWay.set(mac, admitted);
    return admitted;
  };
}

async function addCandidate(
  deps: EnlistDeps,
  mac: Mac,
  network: Network,
  request: BootRequest,
): Promise<Machine | undefined> {
  const taken = new Set<string>();
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const name = metName(mac, (each) => taken.has(each));
    const machine = candidateOf(deps, name, mac, network, request);
    try {
      return await deps.machines.add(machine, [metEvent(machine, request)]);
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
      const other = await deps.machines.byMac(mac);
      if (other) return other;
      taken.add(name);
    }
  }
  return undefined;
}

function candidateOf(deps: EnlistDeps, name: string, mac: Mac, network: Network, request: BootRequest): Machine {
  const nowMs = deps.clock.now();
  return {
    ...BARE_MACHINE,
    id: machineIdOf(deps.rng.octets(10)),
    name,
    state: 'new',
    macs: [mac],
    systemUuid: request.systemUuid,
    arch: requesterOf(request).arch,
    recognised: deps.recognise({ ...request, mac, facts: undefined }),
    firmware: firmwareOf(request),
    network: network.name,
    createdMs: nowMs,
    seenMs: nowMs,
  };
}

function metEvent(machine: Machine, request: BootRequest): NewEvent {
  const says = request.clientArch === undefined ? '' : `, its firmware says architecture ${String(request.clientArch)}`;
  const looks = machine.recognised === undefined ? '' : `; it looks like ${machine.recognised.board}`;
  return {
    atMs: machine.createdMs,
    kind: 'state',
    severity: 'good',
    machine: machine.id,
    boot: undefined,
    text: `met by DHCP on ${machine.network} as ${machine.macs.join(', ')}${says}${looks}`,
    detail: { mac: request.mac, network: machine.network },
  };
}

function firmwareOf(request: BootRequest): FirmwareSeen {
  const cut = (text: string | undefined): string | undefined => text?.slice(0, VENDOR_CLASS_LETTERS_MAX);
  return {
    clientArch: request.clientArch,
    vendorClass: cut(request.vendorClass),
    userClass: cut(request.userClass),
    loader: requesterOf(request).loader,
    loaderVersion: request.loaderVersion,
  };
}

/** Writes what changed, and otherwise once a minute that it was seen. Never a reason to fail the request. */
async function noteSeen(deps: EnlistDeps, machine: Machine, network: Network, request: BootRequest): Promise<Machine> {
  const nowMs = deps.clock.now();
  const change = seenChange(deps, machine, network, request);
  const everyMs = Object.keys(change).length > 0 ? FIRMWARE_EVERY_MS : SEEN_EVERY_MS;
  const agoMs = nowMs - machine.seenMs;
  // A wall clock that was set back must not silence a machine for hours.
  if (agoMs >= 0 && agoMs < everyMs) return machine;
  try {
    return await deps.machines.change(machine, { ...change, seenMs: nowMs }, []);
  } catch (error) {
    if (error instanceof StoreUnavailable) return machine;
    if (!(error instanceof StaleWrite)) throw error;
    return (await deps.machines.byId(machine.id)) ?? machine;
  }
}

/** An operating system's DHCP client says nothing of the firmware, so only requests with option 93 count here. */
function seenChange(deps: EnlistDeps, machine: Machine, network: Network, request: BootRequest): MachineChange {
  const moved = isCandidate(machine) && machine.network !== network.name ? { network: network.name } : {};
  if (request.clientArch === undefined) return moved;
  const old = machine.firmware;
  const said = firmwareOf(request);
  // Most loaders tell their version on the console only.
  const kept = old?.loader === said.loader ? old?.loaderVersion : undefined;
  const firmware = { ...said, loaderVersion: said.loaderVersion ?? kept };
  const same =
    old !== undefined &&
    old.clientArch === firmware.clientArch &&
    old.vendorClass === firmware.vendorClass &&
    old.userClass === firmware.userClass &&
    old.loader === firmware.loader &&
    old.loaderVersion === firmware.loaderVersion;
  if (same) return moved;
  if (!isCandidate(machine)) return { ...moved, firmware };
  const recognised = deps.recognise({ ...request, facts: machine.facts });
  return { ...moved, firmware, recognised: recognised ?? machine.recognised };
}

/** Drops the oldest candidates beyond the limit. The count may be too high after removals, never too low. */
function createCandidateCount(deps: EnlistDeps): { grew(): Promise<void> } {
  let count: number | undefined;
  return {
    grew: async () => {
      count = count === undefined ? await countCandidates(deps) : count + 1;
      if (count <= CANDIDATES_MAX) return;
      const dropped = await deps.machines.trimCandidates(CANDIDATES_MAX, (gone) => ({
        atMs: deps.clock.now(),
        kind: 'security',
        severity: 'warning',
        machine: undefined,
        boot: undefined,
        text: `"${gone.name}" was forgotten: more than ${String(CANDIDATES_MAX)} machines wait to be accepted`,
        detail: { mac: gone.macs[0] ?? '', network: gone.network },
      }));
      // Reading all machines for each stranger of a flood would delay those that are known.
      count = dropped.length > 0 ? count - dropped.length : await countCandidates(deps);
    },
  };
}

async function countCandidates(deps: EnlistDeps): Promise<number> {
  return (await deps.machines.list()).filter(isCandidate).length;
}

/** Says once a minute how many strangers were not taken in. */
function createFloodWord(deps: EnlistDeps): { refused(network: Network): void } {
  let refused = 0;
  let saidMs: number | undefined;
  return {
    refused: (network) => {
      refused += 1;
      const nowMs = deps.clock.monotonicMs();
      if (saidMs !== undefined && nowMs - saidMs < FLOOD_WORD_EVERY_MS) return;
      saidMs = nowMs;
      const text = `more than ${String(PER_SECOND)} new machines a second on ${network.name}: ${String(refused)} not taken in; is somebody making up MAC addresses?`;
      const event: NewEvent = {
        atMs: deps.clock.now(),
        kind: 'security',
        severity: 'warning',
        machine: undefined,
        boot: undefined,
        text,
        detail: { network: network.name, refused },
      };
      refused = 0;
      // The word is for people; a store that cannot take it now has louder ways to say so.
      deps.events.append([event]).catch(() => undefined);
    },
  };
}
