import type { Ipv4, Mac, Sha256 } from '../../core/address.ts';
import type { Arch } from '../../core/arch.ts';
import type { State } from '../../core/lifecycle.ts';
import type { Machine, MachineId, PowerSetting } from '../../core/machine.ts';
import { outletOf } from '../../core/outlet.ts';
import {
  detailShape,
  digestsShape,
  factsShape,
  firmwareShape,
  fromJson,
  powerSeenShape,
  recognitionShape,
  toJson,
  wordsShape,
} from './shapes.ts';

/** A row of table `machine`, with the MACs gathered from `machine_mac`, boot MAC first. */
export interface MachineRow {
  readonly id: MachineId;
  readonly rev: number;
  readonly name: string;
  readonly state: State;
  readonly failed: string | null;
  readonly deadline_ms: number | null;
  readonly system_uuid: string | null;
  readonly arch: Arch | null;
  readonly board: string | null;
  readonly recognised: string | null;
  readonly firmware: string | null;
  readonly facts: string | null;
  readonly network: string;
  readonly reserved: Ipv4 | null;
  readonly bundle: string | null;
  readonly dtb: Sha256 | null;
  readonly overlays: string;
  readonly extra_args: string;
  readonly rack: string | null;
  readonly slot: string | null;
  readonly power_driver: string | null;
  readonly power_parameters: string | null;
  readonly power_outlet: string | null;
  /** The outlet where it is declared shared; then `power_outlet` is null. */
  readonly power_shared: string | null;
  readonly power_seen: string | null;
  readonly owner_epoch: number;
  readonly created_ms: number;
  readonly seen_ms: number;
}

/** The columns of table `machine`, in one place for INSERT and UPDATE. */
export const MACHINE_COLUMNS = [
  'id',
  'rev',
  'name',
  'state',
  'failed',
  'deadline_ms',
  'system_uuid',
  'arch',
  'board',
  'recognised',
  'firmware',
  'facts',
  'network',
  'reserved',
  'bundle',
  'dtb',
  'overlays',
  'extra_args',
  'rack',
  'slot',
  'power_driver',
  'power_parameters',
  'power_outlet',
  'power_shared',
  'power_seen',
  'owner_epoch',
  'created_ms',
  'seen_ms',
] as const satisfies readonly (keyof MachineRow)[];

function outletColumns(power: PowerSetting | undefined): Pick<MachineRow, 'power_outlet' | 'power_shared'> {
  const outlet = outletOf(power) ?? null;
  return power?.shared === true
    ? { power_outlet: null, power_shared: outlet }
    : { power_outlet: outlet, power_shared: null };
}

/** A machine as its row. */
export function rowOfMachine(machine: Machine): MachineRow {
  return {
    id: machine.id,
    rev: machine.rev,
    name: machine.name,
    state: machine.state,
    failed: machine.failed ?? null,
    deadline_ms: machine.deadlineMs ?? null,
    system_uuid: machine.systemUuid ?? null,
    arch: machine.arch ?? null,
    board: machine.board ?? null,
    recognised: toJson(recognitionShape, machine.recognised),
    firmware: toJson(firmwareShape, machine.firmware),
    facts: toJson(factsShape, machine.facts),
    network: machine.network,
    reserved: machine.reserved ?? null,
    bundle: machine.bundle ?? null,
    dtb: machine.dtb ?? null,
    overlays: JSON.stringify(machine.overlays),
    extra_args: JSON.stringify(machine.extraArgs),
    rack: machine.rack ?? null,
    slot: machine.slot ?? null,
    power_driver: machine.power?.driver ?? null,
    power_parameters: toJson(detailShape, machine.power?.parameters),
    ...outletColumns(machine.power),
    power_seen: toJson(powerSeenShape, machine.powerSeen),
    owner_epoch: machine.ownerEpoch,
    created_ms: machine.createdMs,
    seen_ms: machine.seenMs,
  };
}

/** A row as its machine. */
export function machineOfRow(row: MachineRow, macs: readonly Mac[]): Machine {
  return {
    id: row.id,
    rev: row.rev,
    name: row.name,
    state: row.state,
    failed: row.failed ?? undefined,
    deadlineMs: row.deadline_ms ?? undefined,
    macs,
    systemUuid: row.system_uuid ?? undefined,
    arch: row.arch ?? undefined,
    board: row.board ?? undefined,
    recognised: fromJson(recognitionShape, row.recognised),
    firmware: fromJson(firmwareShape, row.firmware),
    facts: fromJson(factsShape, row.facts),
    network: row.network,
    reserved: row.reserved ?? undefined,
    bundle: row.bundle ?? undefined,
    dtb: row.dtb ?? undefined,
    overlays: fromJson(digestsShape, row.overlays) ?? [],
    extraArgs: fromJson(wordsShape, row.extra_args) ?? [],
    rack: row.rack ?? undefined,
    slot: row.slot ?? undefined,
    power: powerOf(row),
    powerSeen: fromJson(powerSeenShape, row.power_seen),
    ownerEpoch: row.owner_epoch,
    createdMs: row.created_ms,
    seenMs: row.seen_ms,
  };
}

function powerOf(row: MachineRow): PowerSetting | undefined {
  const parameters = fromJson(detailShape, row.power_parameters);
  if (row.power_driver === null || !parameters) return undefined;
  return { driver: row.power_driver, parameters, ...(row.power_shared === null ? {} : { shared: true }) };
}
