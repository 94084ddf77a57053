import { formatIpv4, parseMac } from '../core/address.ts';
import { channelsOf } from '../core/channel.ts';
import type { EventKind, NewEvent, Severity } from '../core/event.ts';
import { deadlineOf, lawfulEvents, next, type LifecycleEvent, type RestState } from '../core/lifecycle.ts';
import type { Machine, PowerSetting } from '../core/machine.ts';
import { outletOf } from '../core/outlet.ts';
import type { Artefacts } from '../ports/artefacts.ts';
import type { Boards, ReadTree } from '../ports/boards.ts';
import type { Clock } from '../ports/clock.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import { StaleWrite, Taken, type MachineChange, type Store } from '../ports/store.ts';
import type { Vault } from '../ports/vault.ts';
import type { Lease, Network } from '../core/lease.ts';
import type { FieldValues } from '../core/field.ts';
import { checkEdit, reservationFor, type EditWorld, type MachineEdit } from './machine-edit.ts';
import { checkTrees } from './machine-trees.ts';
import { controllerKey } from './power-controller.ts';
import { secretContext } from './power-secrets.ts';
import { checkSetting } from './check-setting.ts';

/** Who asks, for events: `alice`, `socket`, `demo`. */
export type Actor = string;

/** How a machine is to be switched; `secrets` go to the vault and are never given back. */
export interface PowerChoice {
  readonly driver: string;
  readonly parameters: FieldValues;
  readonly secrets: Readonly<Record<string, string>>;
  /** Several machines hang on this outlet; left out it stays as it is while the outlet is the same. */
  readonly shared?: boolean | undefined;
}

/** How an order about a machine ended. */
export type MachineOutcome =
  | { readonly is: 'done'; readonly machine: Machine }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'not-now'; readonly because: string; readonly lawful: readonly LifecycleEvent[] }
  | { readonly is: 'taken'; readonly because: string };

/** What people do with machines. `ref` is a name, a MAC, an id or a unique beginning of a name. */
export interface MachineService {
  find(ref: string): Promise<Machine | undefined>;
  accept(ref: string, edit: MachineEdit, by: Actor): Promise<MachineOutcome>;
  edit(ref: string, edit: MachineEdit, by: Actor): Promise<MachineOutcome>;
  /** Only `new`, `broken` and `retired` machines, or any with `force`. */
  remove(ref: string, force: boolean, by: Actor): Promise<MachineOutcome>;
  abort(ref: string, by: Actor): Promise<MachineOutcome>;
  force(ref: string, to: RestState, because: string, by: Actor): Promise<MachineOutcome>;
  setPower(ref: string, choice: PowerChoice | undefined, by: Actor): Promise<MachineOutcome>;
  /** Names of the secret fields that are set; never their values. */
  secretsSet(ref: string): Promise<readonly string[]>;
}

/** What the service stands on. */
export interface MachineServiceDeps {
  readonly store: Store;
  readonly boards: Boards;
  readonly drivers: PowerDrivers;
  readonly vault: Vault;
  /** The folder of stored files, and what reads device trees. */
  readonly artefacts: Pick<Artefacts, 'open'>;
  readonly readTree: ReadTree;
  readonly networks: () => readonly Network[];
  readonly leases: () => readonly Lease[];
  readonly clock: Clock;
}

/** A machine by name, MAC, id, or a beginning of a name that fits only one. */
export async function findMachine(store: Pick<Store, 'machines'>, ref: string): Promise<Machine | undefined> {
  const mac = parseMac(ref);
  if (mac.ok) {
    const byMac = await store.machines.byMac(mac.value);
    if (byMac) return byMac;
  }
  const all = await store.machines.list();
  const exact = all.find((machine) => machine.name === ref || machine.id === ref);
  if (exact) return exact;
  const begins = all.filter((machine) => ref !== '' && machine.name.startsWith(ref));
  return begins.length === 1 ? begins[0] : undefined;
}

/** Builds the service. */
export function createMachineService(deps: MachineServiceDeps): MachineService {
  return {
    find: (ref) => findMachine(deps.store, ref),
    accept: (ref, edit, by) => change(deps, ref, (machine) => accept(deps, machine, edit, by)),
    edit: (ref, edit, by) => change(deps, ref, (machine) => applyEdit(deps, machine, edit, by)),
    remove: (ref, force, by) => change(deps, ref, (machine) => remove(deps, machine, force, by)),
    abort: (ref, by) => change(deps, ref, (machine) => abort(deps, machine, by)),
    force: (ref, to, because, by) => change(deps, ref, (machine) => force(deps, machine, to, because, by)),
    setPower: (ref, choice, by) => change(deps, ref, (machine) => setPower(deps, machine, choice, by)),
    secretsSet: async (ref) => {
      const machine = await findMachine(deps.store, ref);
      return machine ? [...(await deps.store.secrets.ofMachine(machine.id)).keys()] : [];
    },
  };
}

/** Finds, tries, and tries again on the fresh machine when somebody else wrote in between. */
async function change(
  deps: MachineServiceDeps,
  ref: string,
  verb: (machine: Machine) => Promise<MachineOutcome>,
): Promise<MachineOutcome> {
  for (let tries = 0; ; tries += 1) {
    const machine = await findMachine(deps.store, ref);
    if (!machine)
      return {
        is: 'unknown-machine',
        because: `no machine is called "${ref.slice(0, 80)}"; "farrier machine list" shows all`,
      };
    try {
      return await verb(machine);
    } catch (error) {
      if (error instanceof Taken) return { is: 'taken', because: error.message };
      if (!(error instanceof StaleWrite) || tries >= 4) throw error;
    }
  }
}

function eventOf(
  deps: MachineServiceDeps,
  machine: Machine,
  kind: EventKind,
  severity: Severity,
  text: string,
  detail: NewEvent['detail'],
): NewEvent {
  return { atMs: deps.clock.now(), kind, severity, machine: machine.id, boot: undefined, text, detail };
}

async function worldOf(deps: MachineServiceDeps): Promise<EditWorld> {
  const { bundles: store } = deps.store;
  const [bundles, moves, machines] = await Promise.all([store.list(), store.moves(), deps.store.machines.list()]);
  return { boards: deps.boards, bundles, channels: channelsOf(moves), machines, networks: deps.networks() };
}

/** The change an event of the lifecycle makes, with its deadline. */
function stateChange(deps: MachineServiceDeps, to: Machine['state']): MachineChange {
  const deadlineS = deadlineOf(to);
  return { state: to, deadlineMs: deadlineS === undefined ? undefined : deps.clock.now() + deadlineS * 1000 };
}

async function accept(
  deps: MachineServiceDeps,
  machine: Machine,
  edit: MachineEdit,
  by: Actor,
): Promise<MachineOutcome> {
  const to = next(machine.state, 'accept');
  if (!to.ok) return { is: 'not-now', because: to.error, lawful: lawfulEvents(machine.state) };
  const world = await worldOf(deps);
  const wanted = checkEdit(machine, edit, world);
  if (!wanted.ok) return { is: 'bad-value', ...wanted.error };
  const badTree = await checkTrees(deps, machine, edit);
  if (badTree) return { is: 'bad-value', ...badTree };
  const reserved = wanted.value.reserved ?? machine.reserved ?? reservationFor(machine, world, deps.leases());
  const name = wanted.value.name ?? machine.name;
  const event = eventOf(deps, machine, 'state', 'good', `accepted as ${name} by ${by}`, {
    from: machine.state,
    to: to.value,
    by,
  });
  const done = await deps.store.machines.change(
    machine,
    { ...wanted.value, ...stateChange(deps, to.value), reserved, failed: undefined },
    [event],
  );
  return { is: 'done', machine: done };
}

async function applyEdit(
  deps: MachineServiceDeps,
  machine: Machine,
  edit: MachineEdit,
  by: Actor,
): Promise<MachineOutcome> {
  const wanted = checkEdit(machine, edit, await worldOf(deps));
  if (!wanted.ok) return { is: 'bad-value', ...wanted.error };
  const badTree = await checkTrees(deps, machine, edit);
  if (badTree) return { is: 'bad-value', ...badTree };
  // A form sends all its fields; only what differs is a change.
  const before: Readonly<Record<string, unknown>> = { ...machine };
  const fields = Object.entries(wanted.value)
    .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(before[field]))
    .map(([field]) => field);
  if (fields.length === 0) return { is: 'done', machine };
  const words = fields.map((field) => editWords(field, wanted.value)).join(', ');
  const event = eventOf(deps, machine, 'edit', 'note', `${by} set ${words}`, { by, fields: fields.join(',') });
  return { is: 'done', machine: await deps.store.machines.change(machine, wanted.value, [event]) };
}

function editWords(field: string, value: MachineChange): string {
  switch (field) {
    case 'name':
      return `name to ${value.name ?? ''}`;
    case 'board':
      return `board to ${value.board ?? 'what is recognised'}`;
    case 'bundle':
      return `bundle to ${value.bundle ?? 'none'}`;
    case 'extraArgs':
      return `extra kernel arguments to ${value.extraArgs?.join(' ') || 'none'}`;
    case 'dtb':
      return `device tree to ${value.dtb?.slice(0, 16) ?? 'its board’s'}`;
    case 'overlays':
      return `overlays to ${value.overlays?.map((each) => each.slice(0, 16)).join(', ') || 'none'}`;
    case 'reserved':
      return `the address kept for it to ${value.reserved === undefined ? 'none' : formatIpv4(value.reserved)}`;
    case 'rack':
      return `its rack to ${value.rack ?? 'none'}`;
    case 'slot':
      return `its slot to ${value.slot ?? 'none'}`;
    case 'macs':
      return `MACs to ${value.macs?.join(', ') ?? ''}`;
    default:
      return field;
  }
}

async function remove(
  deps: MachineServiceDeps,
  machine: Machine,
  isForced: boolean,
  by: Actor,
): Promise<MachineOutcome> {
  if (!isForced && !['new', 'ready', 'broken', 'retired'].includes(machine.state))
    return {
      is: 'not-now',
      because: `${machine.name} is ${machine.state}; release it first, or remove it with force`,
      lawful: lawfulEvents(machine.state),
    };
  const event = eventOf(deps, machine, 'edit', 'warning', `${machine.name} was removed by ${by}`, { by });
  await deps.store.machines.remove(machine, [event]);
  return { is: 'done', machine };
}

async function abort(deps: MachineServiceDeps, machine: Machine, by: Actor): Promise<MachineOutcome> {
  const to = next(machine.state, 'abort');
  if (!to.ok) return { is: 'not-now', because: to.error, lawful: lawfulEvents(machine.state) };
  if (to.value === machine.state) return { is: 'done', machine };
  const event = eventOf(deps, machine, 'state', 'warning', `${machine.state} was aborted by ${by}`, {
    from: machine.state,
    to: to.value,
    by,
  });
  const failed = `${machine.state} was aborted by ${by}`;
  const done = await deps.store.machines.change(machine, { ...stateChange(deps, to.value), failed }, [event]);
  return { is: 'done', machine: done };
}

async function force(
  deps: MachineServiceDeps,
  machine: Machine,
  to: RestState,
  because: string,
  by: Actor,
): Promise<MachineOutcome> {
  const text = `forced from ${machine.state} to ${to} by ${by}: ${because}`;
  const event = eventOf(deps, machine, 'state', 'warning', text, { from: machine.state, to, by });
  const changed = { ...stateChange(deps, to), failed: undefined, ownerEpoch: machine.ownerEpoch + 1 };
  return { is: 'done', machine: await deps.store.machines.change(machine, changed, [event]) };
}

async function setPower(
  deps: MachineServiceDeps,
  machine: Machine,
  choice: PowerChoice | undefined,
  by: Actor,
): Promise<MachineOutcome> {
  const kept = [...(await deps.store.secrets.ofMachine(machine.id)).keys()];
  if (!choice) {
    const event = eventOf(deps, machine, 'edit', 'note', `${by} removed the power setting`, { by });
    const gone = new Map(kept.map((field) => [field, undefined]));
    return { is: 'done', machine: await deps.store.machines.setPower(machine, undefined, gone, [event]) };
  }
  const driver = deps.drivers.byName(choice.driver);
  if (!driver) {
    const names = deps.drivers.list().map((each) => each.name);
    return {
      is: 'bad-value',
      field: 'driver',
      because: `no power driver "${choice.driver}"; there are ${names.join(', ')}`,
    };
  }
  const { parameters } = choice;
  // Secrets stay with the device they were given for: who may change the address must not learn the password by it.
  const wanted = { ...machine, power: { driver: driver.name, parameters } };
  const isSameDevice =
    machine.power?.driver === driver.name && controllerKey(driver, machine) === controllerKey(driver, wanted);
  const checked = checkSetting(driver, parameters, choice.secrets, isSameDevice ? kept : []);
  if (!checked.ok) return { is: 'bad-value', ...checked.error };
  const event = eventOf(deps, machine, 'edit', 'note', `${by} set power to ${driver.name}`, {
    by,
    driver: driver.name,
  });
  const setting = withSharing({ driver: driver.name, parameters: checked.value }, machine, choice.shared);
  if (setting.shared === true && outletOf(setting) === undefined)
    return { is: 'bad-value', field: 'shared', because: `${driver.name} names no outlet that could be shared` };
  const secrets = sealedSecrets(deps, machine, choice.secrets, isSameDevice ? [] : kept);
  return { is: 'done', machine: await deps.store.machines.setPower(machine, setting, secrets, [event]) };
}

function withSharing(setting: PowerSetting, machine: Machine, wanted: boolean | undefined): PowerSetting {
  const wasShared = machine.power?.shared === true && outletOf(machine.power) === outletOf(setting);
  return (wanted ?? wasShared) ? { ...setting, shared: true } : setting;
}

/** What becomes of the machine's secrets: those of another device go, empty ones too, the others are sealed. */
function sealedSecrets(
  { vault }: MachineServiceDeps,
  { id }: Machine,
  secrets: Readonly<Record<string, string>>,
  stale: readonly string[],
): ReadonlyMap<string, string | undefined> {
  const given = Object.entries(secrets).map(
    ([field, plain]) => [field, plain === '' ? undefined : vault.seal(plain, secretContext(id, field))] as const,
  );
  return new Map([...stale.map((field) => [field, undefined] as const), ...given]);
}
