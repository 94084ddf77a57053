import { z } from 'zod';
import { LIFECYCLE, STATES } from '../core/lifecycle.ts';
import { timeText, type Column, type Fact, type Sheet } from './output.ts';

const text = z.string().optional();

/** What the commands read of a machine; the rest is passed on to JSON and YAML as it came. */
export const machineShape = z.looseObject({
  id: z.string(),
  name: z.string(),
  state: z.enum(STATES),
  failed: text,
  macs: z.array(z.string()),
  arch: text,
  boardName: text,
  recognised: z.looseObject({ board: z.string(), evidence: z.array(z.string()) }).optional(),
  systemUuid: text,
  firmware: z.looseObject({ loader: text, loaderVersion: text, vendorClass: text, userClass: text }).optional(),
  network: z.string(),
  address: text,
  reserved: text,
  bundle: text,
  bootable: text,
  findings: z.array(z.string()).optional(),
  extraArgs: z.array(z.string()),
  dtb: text,
  overlays: z.array(z.string()).optional(),
  rack: text,
  slot: text,
  power: z.looseObject({ driver: z.string() }).optional(),
  powerSeen: z.looseObject({ state: z.string(), atMs: z.number(), because: text }).optional(),
  underWay: text,
  lastEvent: z.looseObject({ text: z.string(), atMs: z.number() }).optional(),
  lawful: z.array(z.string()),
  seenMs: z.number(),
});
export type MachineAnswer = z.infer<typeof machineShape>;

/** Whether work is under way on it. */
export function isMoving(machine: MachineAnswer): boolean {
  return !LIFECYCLE[machine.state].rest;
}

const stateText = (machine: MachineAnswer): string =>
  machine.failed === undefined ? machine.state : `${machine.state} (failed)`;

const powerText = (machine: MachineAnswer): string => machine.underWay ?? machine.powerSeen?.state ?? 'unknown';

/** `ipxe 1.21.1`; nothing where no loader has asked yet. */
function loaderText({ firmware }: MachineAnswer): string | undefined {
  const words = [firmware?.loader, firmware?.loaderVersion].filter((word) => word !== undefined);
  return words.length === 0 ? undefined : words.join(' ');
}

/** Whether the loader, its version or what the firmware calls itself holds these words, in capitals or not. */
export function saysLoader(machine: MachineAnswer, words: string): boolean {
  const { vendorClass = '', userClass = '' } = machine.firmware ?? {};
  return [loaderText(machine) ?? '', vendorClass, userClass].join('\n').toLowerCase().includes(words.toLowerCase());
}

/** The columns of `machine list`. */
export const MACHINE_COLUMNS: readonly Column<MachineAnswer>[] = [
  { title: 'NAME', value: (machine) => machine.name },
  { title: 'STATE', value: stateText },
  { title: 'POWER', value: powerText },
  { title: 'BOARD', value: (machine) => machine.boardName },
  { title: 'ARCH', value: (machine) => machine.arch },
  { title: 'LOADER', value: loaderText },
  { title: 'ADDRESS', value: (machine) => machine.address },
  { title: 'MAC', value: (machine) => machine.macs[0] },
  { title: 'BUNDLE', value: (machine) => machine.bundle },
  { title: 'LAST', value: (machine) => machine.lastEvent?.text },
];

function powerFacts({ power, powerSeen, underWay }: MachineAnswer): readonly Fact[] {
  const seen = powerSeen && `${powerSeen.state}, seen ${timeText(powerSeen.atMs) ?? ''}`;
  return [
    ['power driver', power?.driver],
    ['power', powerSeen?.because === undefined ? seen : `${seen ?? ''} (${powerSeen.because})`],
    ['power order under way', underWay],
  ];
}

/** All that is known of a machine. */
export function machineSheet(machine: MachineAnswer): Sheet {
  return {
    item: machine,
    name: machine.name,
    facts: [
      ['name', machine.name],
      ['id', machine.id],
      ['state', machine.state],
      ['failed', machine.failed],
      ['can', machine.lawful.join(', ')],
      ['next boot', machine.bootable],
      ...(machine.findings ?? []).map((finding) => ['kernel arguments', finding] as const),
      ['board', machine.boardName],
      ['recognised by', machine.recognised?.evidence.join('; ')],
      ['arch', machine.arch],
      ['loader', loaderText(machine)],
      ['vendor class', machine.firmware?.vendorClass],
      ['user class', machine.firmware?.userClass],
      ['bundle', machine.bundle],
      ['own device tree', machine.dtb],
      ['overlays', machine.overlays?.join(', ')],
      ['extra arguments', machine.extraArgs.join(' ')],
      ['MACs', machine.macs.join(', ')],
      ['network', machine.network],
      ['address', machine.address],
      ['reserved address', machine.reserved],
      ['system UUID', machine.systemUuid],
      ['rack', machine.rack],
      ['slot', machine.slot],
      ...powerFacts(machine),
      ['last', machine.lastEvent?.text],
      ['last seen', timeText(machine.seenMs)],
    ],
  };
}
