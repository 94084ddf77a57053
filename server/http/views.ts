import { z } from 'zod';
import { formatIpv4, formatSubnet } from '../core/address.ts';
import { ARCHES, LOADERS } from '../core/arch.ts';
import type { BootPlan } from '../core/boot-plan.ts';
import type { FarrierEvent } from '../core/event.ts';
import type { Facts } from '../core/facts.ts';
import type { Lease, Network } from '../core/lease.ts';
import { LIFECYCLE_EVENTS, STATES, lawfulEvents } from '../core/lifecycle.ts';
import { boardNameOf, type Machine } from '../core/machine.ts';
import type { PowerDriver } from '../ports/power-driver.ts';
import type { Explanation } from '../services/explain.ts';
import { effectiveView, findingView, viewOfEffective } from './parameter-views.ts';
import type { PowerVerb } from '../services/power.ts';

const text = z.string().optional();
const powerSeen = z.object({ state: z.enum(['on', 'off', 'unknown']), atMs: z.number(), because: text });
const scalar = z.union([z.string(), z.number(), z.boolean()]);

const powerSetting = z.object({
  driver: z.string(),
  parameters: z.record(z.string(), scalar),
  shared: z.literal(true).optional().describe('Several machines hang on this outlet.'),
});

/** An event as the API tells it. */
export const eventView = z.object({
  id: z.number(),
  atMs: z.number(),
  kind: z.enum(['state', 'edit', 'power', 'dhcp', 'tftp', 'http', 'agent', 'boot', 'console', 'security', 'network']),
  severity: z.enum(['note', 'good', 'warning', 'bad']),
  machine: text,
  boot: text,
  text: z.string(),
  detail: z.record(z.string(), scalar),
});

const factsView = z.object({
  arch: z.enum(ARCHES).optional(),
  cpuModel: text,
  cpuCount: z.number(),
  memoryOctets: z.number(),
  disks: z.array(
    z.object({ name: z.string(), octets: z.number(), model: text, serial: text, rotational: z.boolean() }),
  ),
  nics: z.array(
    z.object({
      name: z.string(),
      mac: z.string(),
      driver: text,
      speedMbit: z.number().optional(),
      linkUp: z.boolean(),
      addresses: z.array(z.string()),
    }),
  ),
  systemUuid: text,
  vendor: text,
  product: text,
  serial: text,
  dtModel: text,
  dtCompatible: z.array(z.string()),
  kernel: text,
  cmdline: text,
  bmcAddress: text,
});

const firmwareView = z.object({
  clientArch: z.number().optional(),
  vendorClass: text,
  userClass: text,
  loader: z.enum(LOADERS).optional().describe('Which loader asked last.'),
  loaderVersion: text,
});

/** A machine with addresses as text, and what the page shows beside it. */
export const machineView = z.object({
  id: z.string(),
  rev: z.number(),
  name: z.string(),
  state: z.enum(STATES),
  failed: text,
  deadlineMs: z.number().optional(),
  macs: z.array(z.string()),
  systemUuid: text,
  arch: z.enum(ARCHES).optional(),
  board: text,
  recognised: z.object({ board: z.string(), evidence: z.array(z.string()) }).optional(),
  firmware: firmwareView.optional(),
  facts: factsView.optional(),
  network: z.string(),
  reserved: text,
  bundle: text,
  dtb: text.describe('The digest of a device tree of its own.'),
  overlays: z.array(z.string()).describe('Digests of the overlays merged into its device tree, in order.'),
  extraArgs: z.array(z.string()),
  rack: text.describe('The rack it sits in.'),
  slot: text.describe('Its units in the rack, from the bottom: 3, 3-4 or 3 left.'),
  power: powerSetting.optional(),
  powerSeen: powerSeen.optional(),
  ownerEpoch: z.number(),
  createdMs: z.number(),
  seenMs: z.number(),
  boardName: text.describe('The board it boots as: the operator’s word, else the recognised one.'),
  address: text.describe('The address it holds a lease for now.'),
  lastEvent: eventView.optional(),
  underWay: z.enum(['on', 'off', 'cycle', 'reset']).optional(),
  lawful: z.array(z.enum(LIFECYCLE_EVENTS)),
  findings: z
    .array(z.string())
    .optional()
    .describe('What may be wrong with its kernel arguments; only where one machine is asked for.'),
  bootable: text.describe('What its next boot gets, in words; only where one machine is asked for.'),
});

/** A machine with addresses as text. */
export type MachineView = z.infer<typeof machineView>;

/** What stands beside a machine in its view. */
export interface Beside {
  readonly address: string | undefined;
  readonly lastEvent: FarrierEvent | undefined;
  readonly underWay: PowerVerb | undefined;
  readonly bootable: string | undefined;
  readonly findings?: string[];
}

function viewOfFacts(facts: Facts): NonNullable<MachineView['facts']> {
  return {
    ...facts,
    dtCompatible: [...facts.dtCompatible],
    disks: facts.disks.map((disk) => ({ ...disk })),
    nics: facts.nics.map((nic) => ({ ...nic, addresses: nic.addresses.map(formatIpv4) })),
    bmcAddress: facts.bmcAddress === undefined ? undefined : formatIpv4(facts.bmcAddress),
  };
}

/** A machine as the API tells it. */
export function viewOfMachine(machine: Machine, beside: Beside): MachineView {
  return {
    ...machine,
    macs: [...machine.macs],
    extraArgs: [...machine.extraArgs],
    overlays: [...machine.overlays],
    recognised: machine.recognised && { ...machine.recognised, evidence: [...machine.recognised.evidence] },
    firmware: machine.firmware && { ...machine.firmware },
    facts: machine.facts && viewOfFacts(machine.facts),
    reserved: machine.reserved === undefined ? undefined : formatIpv4(machine.reserved),
    lawful: [...lawfulEvents(machine.state)],
    ...beside,
    boardName: boardNameOf(machine),
  };
}

/** A lease with its address as text. */
export const leaseView = z.object({
  network: z.string(),
  address: z.string(),
  key: z.string(),
  mac: z.string(),
  state: z.enum(['bound', 'released', 'declined']),
  expiresMs: z.number(),
  hostname: text,
  circuitId: text,
  remoteId: text,
});

/** A lease as the API tells it. */
export function viewOfLease(lease: Lease): z.infer<typeof leaseView> {
  return { ...lease, address: formatIpv4(lease.address) };
}

/** A served network with its addresses as text. */
export const networkView = z.looseObject({
  name: z.string(),
  interface: text,
  subnet: z.string(),
  address: z.string(),
  dhcp: z.enum(['full', 'proxy', 'off']),
  pools: z.array(z.string()),
});

/** A network as the API tells it. */
export function viewOfNetwork(network: Network): z.infer<typeof networkView> {
  return {
    ...network,
    giaddr: network.giaddr === undefined ? undefined : formatIpv4(network.giaddr),
    router: network.router === undefined ? undefined : formatIpv4(network.router),
    dns: network.dns.map(formatIpv4),
    subnet: formatSubnet(network.subnet),
    address: formatIpv4(network.address),
    pools: network.pools.map((pool) => `${formatIpv4(pool.first)}-${formatIpv4(pool.last)}`),
  };
}

const fieldView = z.looseObject({ kind: z.string(), label: z.string(), scope: z.string(), required: z.boolean() });

/** A power driver's declaration. */
export const driverView = z.object({
  name: z.string(),
  summary: z.string(),
  fields: z.record(z.string(), fieldView),
  abilities: z.array(z.string()),
  origin: z.string().describe('"shipped", or the file in a driver folder.'),
});

/** A driver as the API tells it; `file` is where it lies when it does not come with Farrier. */
export function viewOfDriver(driver: PowerDriver, file: string | undefined): z.infer<typeof driverView> {
  const fields = Object.entries(driver.fields).map(([name, field]) => [name, { ...field }] as const);
  return {
    name: driver.name,
    summary: driver.summary,
    fields: Object.fromEntries(fields),
    abilities: [...driver.abilities],
    origin: file ?? 'shipped',
  };
}

/** How a machine is switched, with the names of the secrets that are set. */
export const powerView = z.object({
  setting: powerSetting.optional(),
  secretsSet: z.array(z.string()),
  seen: powerSeen.optional(),
  underWay: z.enum(['on', 'off', 'cycle', 'reset']).optional(),
});

/** How a power order ended well. */
export const powerOutcome = z.object({
  is: z.literal('done'),
  seen: powerSeen,
  info: z.record(z.string(), z.string()).optional().describe('What the controller says of itself, where asked.'),
});

/** What became of an order to switch many, machine by machine; how each ends is told on its timeline. */
export const powerOrdersView = z.object({
  orders: z.array(
    z.object({
      machine: z.string().describe('As it was named.'),
      is: z.enum(['ordered', 'refused', 'unknown-machine']),
      afterMs: z.number().optional().describe('When its turn comes.'),
      because: text,
    }),
  ),
});

function planView(plan: BootPlan): Record<string, unknown> {
  if (plan.do !== 'boot') return { ...plan };
  return { ...plan, server: { ...plan.server, address: formatIpv4(plan.server.address) } };
}

/** The whole answer to "what does this machine get". */
export const explanationView = z.looseObject({
  subject: z.string(),
  network: z.string(),
  evidence: z.array(z.string()),
  dhcp: z.array(z.string()),
  plan: z.looseObject({ do: z.enum(['ignore', 'local-disk', 'refuse', 'boot']), because: z.string() }),
  findings: z.array(findingView),
  parameters: z.array(effectiveView),
  files: z.array(z.object({ path: z.string(), octets: z.number(), sha256: z.string(), text })),
});

/** An explanation as the API tells it. */
export function viewOfExplanation(explanation: Explanation): Record<string, unknown> {
  return {
    ...explanation,
    plan: planView(explanation.plan),
    parameters: explanation.parameters.map(viewOfEffective),
  };
}

/** A plan in one sentence. */
export function planWords(plan: BootPlan): string {
  switch (plan.do) {
    case 'ignore':
      return `gets no answer: ${plan.because}`;
    case 'local-disk':
      return `boots its local disk: ${plan.because}`;
    case 'refuse':
      return `is refused: ${plan.because}`;
    case 'boot':
      return `boots ${plan.bundle} as ${plan.board} through ${plan.loader} (${plan.format}): ${plan.because}`;
  }
}
