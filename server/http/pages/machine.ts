import type { BootPlan } from '../../core/boot-plan.ts';
import type { ArgOrigin } from '../../core/kernel-args.ts';
import type { ArgFinding } from '../../core/lint-args.ts';
import type { Field, FieldValues } from '../../core/field.ts';
import type { Explanation } from '../../services/explain.ts';
import type { MachineView } from '../views.ts';
import { planWords } from '../views.ts';
import { octetWords } from './words.ts';

/** What the next boot gets, as the page shows it. */
export interface NextBoot {
  readonly sentence: string;
  readonly tone: 'good' | 'quiet' | 'bad';
  readonly remedy: string | undefined;
  readonly board: string | undefined;
  readonly boardFile: string | undefined;
  readonly shadows: string | undefined;
  readonly dhcp: readonly string[];
  readonly files: readonly {
    readonly path: string;
    readonly octets: string;
    readonly sha256: string;
    readonly text: string | undefined;
  }[];
  readonly words: readonly { readonly word: string; readonly origin: string; readonly parameter?: string }[];
  /** The origins among `words`, for the legend. */
  readonly origins: readonly { readonly origin: ArgOrigin; readonly words: string }[];
  readonly findings: readonly ArgFinding[];
  readonly limits: readonly {
    readonly layer: string;
    readonly octets: number;
    readonly octetsMax: number;
    readonly unit: 'octets' | 'words';
    readonly isOver: boolean;
    readonly isNear: boolean;
  }[];
}

/** The legend of the arguments, in their lasting order. */
const ORIGINS: NextBoot['origins'] = [
  { origin: 'site', words: 'site' },
  { origin: 'network', words: 'network' },
  { origin: 'bundle', words: 'bundle' },
  { origin: 'board', words: 'board' },
  { origin: 'machine', words: 'machine' },
  { origin: 'once', words: 'next boot only' },
  { origin: 'boot', words: 'this boot' },
];

function planTone(plan: BootPlan): NextBoot['tone'] {
  switch (plan.do) {
    case 'boot':
      return 'good';
    case 'local-disk':
    case 'ignore':
      return 'quiet';
    case 'refuse':
      return 'bad';
  }
}

/** An explanation as the page shows it. */
export function nextBootOf(explanation: Explanation): NextBoot {
  const { plan } = explanation;
  const args = plan.do === 'boot' || plan.do === 'refuse' ? plan.args : undefined;
  return {
    sentence: planWords(plan),
    tone: planTone(plan),
    remedy: plan.do === 'refuse' ? plan.remedy : undefined,
    board: explanation.board?.name,
    boardFile: explanation.board?.file,
    shadows: explanation.board?.shadows,
    dhcp: explanation.dhcp,
    files: explanation.files.map((file) => ({ ...file, octets: octetWords(file.octets) })),
    words: args?.words ?? [],
    origins: ORIGINS.filter(({ origin }) => args?.words.some((word) => word.origin === origin)),
    findings: explanation.findings,
    limits: (args?.limits ?? []).map((limit) => ({
      ...limit,
      unit: limit.unit ?? 'octets',
      isOver: limit.octets > limit.octetsMax,
      isNear: limit.octets <= limit.octetsMax && limit.octets > limit.octetsMax * 0.9,
    })),
  };
}

/** One input of a power driver's form. */
interface FormField {
  readonly name: string;
  readonly label: string;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly input: 'text' | 'number' | 'password' | 'select';
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  readonly isSet: boolean;
  readonly value: string;
  readonly placeholder: string;
  readonly choices: readonly string[];
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** A power driver, or a way to a console, as a form, filled in with what the machine has. */
export interface SettingForm {
  readonly name: string;
  readonly summary: string;
  readonly isCurrent: boolean;
  readonly fields: readonly FormField[];
}

const INPUTS: Readonly<Record<Field['kind'], FormField['input']>> = {
  host: 'text',
  port: 'number',
  text: 'text',
  secret: 'password',
  integer: 'number',
  choice: 'select',
  file: 'text',
};

function fieldOf(name: string, field: Field, given: FieldValues | undefined, secretsSet: readonly string[]): FormField {
  const isSecret = field.kind === 'secret';
  const isSet = isSecret && secretsSet.includes(name);
  const value = isSecret ? undefined : (given?.[name] ?? (given ? undefined : field.default));
  return {
    name,
    label: field.label,
    help: field.help,
    unit: field.unit,
    input: INPUTS[field.kind],
    isSecret,
    isRequired: field.required && !isSet,
    isSet,
    value: value === undefined ? '' : String(value),
    placeholder: isSet ? 'set – leave empty to keep it' : field.default === undefined ? '' : String(field.default),
    choices: field.choices ?? [],
    min: field.kind === 'port' ? (field.min ?? 1) : field.min,
    max: field.kind === 'port' ? (field.max ?? 65_535) : field.max,
  };
}

/** Whatever declares its fields. */
interface Declared {
  readonly name: string;
  readonly summary: string;
  readonly fields: Readonly<Record<string, Field>>;
}

/** What a machine has been given of one kind, by the name in its declaration. */
export interface Given {
  readonly name: string;
  readonly parameters: FieldValues;
}

/** One form for each declaration; the secrets are write-only, the page only knows which are set. */
export function settingForms(
  declared: readonly Declared[],
  given: Given | undefined,
  secretsSet: readonly string[],
): readonly SettingForm[] {
  return declared.map(({ name, summary, fields }) => {
    const isCurrent = given?.name === name;
    return {
      name,
      summary,
      isCurrent,
      fields: Object.entries(fields).map(([field, declaration]) =>
        fieldOf(field, declaration, isCurrent ? given.parameters : undefined, isCurrent ? secretsSet : []),
      ),
    };
  });
}

/** What the agent and the firmware said of a machine, as lines of a list. */
export function factLines(view: MachineView): readonly { readonly label: string; readonly value: string }[] {
  const { facts } = view;
  const lines: readonly (readonly [string, string | number | undefined])[] = [
    ['Product', [facts?.vendor, facts?.product].filter((word) => word !== undefined).join(' ')],
    ['Device tree', facts?.dtModel],
    ['CPU', facts && [facts.cpuCount > 0 ? `${facts.cpuCount} ×` : '', facts.cpuModel ?? ''].join(' ').trim()],
    ['Memory', facts && facts.memoryOctets > 0 ? octetWords(facts.memoryOctets) : undefined],
    ['Serial number', facts?.serial],
    ['Network', view.network],
    ['System UUID', view.systemUuid],
    ['BMC', facts?.bmcAddress],
    ['Agent kernel', facts?.kernel],
    ['Loader', view.firmware?.loader],
    ['Loader version', view.firmware?.loaderVersion],
    ['Client architecture', view.firmware?.clientArch],
    ['Vendor class', view.firmware?.vendorClass],
    ['User class', view.firmware?.userClass],
  ];
  return lines.flatMap(([label, value]) =>
    value === undefined || value === '' ? [] : [{ label, value: String(value) }],
  );
}

/** The disks and network interfaces the agent saw. */
export interface Hardware {
  readonly disks: readonly { readonly name: string; readonly octets: string; readonly words: string }[];
  readonly nics: readonly {
    readonly name: string;
    readonly mac: string;
    readonly linkUp: boolean;
    readonly words: string;
  }[];
}

const joined = (parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').join(' · ');

/** Disks and interfaces as the page shows them. */
export function hardwareOf(view: MachineView): Hardware {
  return {
    disks: (view.facts?.disks ?? []).map((disk) => ({
      name: disk.name,
      octets: octetWords(disk.octets),
      words: joined([disk.model, disk.rotational ? 'rotating' : 'solid state', disk.serial]),
    })),
    nics: (view.facts?.nics ?? []).map((nic) => ({
      name: nic.name,
      mac: nic.mac,
      linkUp: nic.linkUp,
      words: joined([
        nic.driver,
        nic.speedMbit && nic.speedMbit > 0 ? `${nic.speedMbit} Mbit/s` : '',
        ...nic.addresses,
      ]),
    })),
  };
}
