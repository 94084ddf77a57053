import type { Board } from './board.ts';
import type { BootRecord } from './event.ts';
import type { Machine } from './machine.ts';
import { recognise } from './recognise.ts';
import { requesterOf } from './requester.ts';
import { err, ok, type Result } from './result.ts';

/** What is known of the machine a board is drafted from. */
export interface DraftSource {
  readonly machine: Pick<Machine, 'name' | 'macs' | 'arch' | 'systemUuid' | 'firmware' | 'facts'>;
  /** Its newest boot. */
  readonly boot: Pick<BootRecord, 'id' | 'startedMs'> | undefined;
}

/** How the boards begin that any machine of a kind can be built on. */
const GENERIC = 'generic-';
const TITLE_LETTERS_MAX = 100;
/** Second bit of the first octet: made up locally, so it names no maker (IEEE 802 §8.2). */
const LOCAL_MAC = /^.[2367abef]/;

/**
 * A `board.yaml` to begin with, out of what a machine has sent and its agent has seen: the nearest generic board
 * extended, its signs, its console, and what to look at next. Every fact names the boot it comes from. The error says
 * what must happen first.
 */
export function draftBoard(source: DraftSource, boards: readonly Board[]): Result<string> {
  const generic = nearestGeneric(source, boards);
  if (!generic)
    return err(`${source.machine.name} has not said what it is yet; let it boot through Farrier once and try again`);
  return ok(
    [
      `# Begun from a machine that tried to boot; nobody has tried this file yet. Go through the list at its end.`,
      `title: ${quoted(titleOf(source))}`,
      `extends: ${generic.name}`,
      ...compatibleLines(source),
      ...signLines(source),
      ...consoleLines(source),
      `proof: untested`,
      `sources:`,
      ...sourcesOf(source).map((each) => `  - ${quoted(each)}`),
      ...checklistOf(source, generic).map((each) => `# - ${each}`),
      '',
    ].join('\n'),
  );
}

function nearestGeneric({ machine }: DraftSource, boards: readonly Board[]): Board | undefined {
  const generics = boards.filter((board) => board.name.startsWith(GENERIC));
  const [mac] = machine.macs;
  const { clientArch, vendorClass, userClass } = machine.firmware ?? {};
  const signs = { clientArch, vendorClass, userClass, systemUuid: machine.systemUuid };
  const found = mac && recognise(generics, { ...signs, mac, facts: undefined });
  if (found) return generics.find((board) => board.name === found.board);
  const ofArch = generics.filter((board) => board.arch === machine.arch);
  return ofArch.length === 1 ? ofArch[0] : undefined;
}

/** One line in double quotes: JSON's are YAML's. Whatever a machine called itself stays inside of them. */
function quoted(text: string): string {
  return JSON.stringify(text.replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, ' '));
}

function titleOf({ machine }: DraftSource): string {
  const { facts } = machine;
  const smbios = [facts?.vendor, facts?.product].filter((part) => part !== undefined).join(' ');
  const title = facts?.dtModel ?? (smbios === '' ? `Board of ${machine.name}` : smbios);
  return title.slice(0, TITLE_LETTERS_MAX);
}

function compatibleLines({ machine }: DraftSource): readonly string[] {
  const [first] = machine.facts?.dtCompatible ?? [];
  return first === undefined ? [] : [`compatible: [${quoted(first)}]`];
}

function signLines({ machine }: DraftSource): readonly string[] {
  const { firmware, facts, systemUuid } = machine;
  const [first] = facts?.dtCompatible ?? [];
  const { clientArch } = requesterOf({ clientArch: firmware?.clientArch, userClass: firmware?.userClass, systemUuid });
  const [mac = ''] = machine.macs;
  return [
    'signs:',
    ...(clientArch === undefined ? [] : [`  clientArch: [${clientArch}]`]),
    ...ownWords('vendorClass', ownVendorClass(firmware?.vendorClass)),
    ...ownWords('oui', LOCAL_MAC.test(mac) || mac === '' ? undefined : mac.slice(0, 8)),
    ...ownWords('dtCompatible', first),
    ...(first === undefined
      ? [...ownWords('smbiosVendor', facts?.vendor), ...ownWords('smbiosProduct', facts?.product)]
      : []),
  ];
}

function ownWords(kind: string, word: string | undefined): readonly string[] {
  return word === undefined || word === '' ? [] : [`  ${kind}: [${quoted(word)}]`];
}

/** Option 60 of every PXE client says no more than option 93, and u-boot's changed its spelling. */
function ownVendorClass(vendorClass: string | undefined): string | undefined {
  return vendorClass === undefined || /^(PXEClient|HTTPClient)/.test(vendorClass) ? undefined : vendorClass;
}

function consoleOf({
  machine,
}: DraftSource): { readonly device: string; readonly baud: string | undefined } | undefined {
  const words = machine.facts?.cmdline?.split(' ') ?? [];
  const consoles = words.flatMap((word) => /^console=(tty[A-Z]+\d+|hvc\d+)(?:,(\d{3,7}))?/.exec(word) ?? []);
  const [, device, baud] = consoles.slice(-3);
  return device === undefined ? undefined : { device, baud };
}

function consoleLines(source: DraftSource): readonly string[] {
  const line = consoleOf(source);
  if (!line) return [];
  return [`console: { device: ${line.device}${line.baud === undefined ? '' : `, baud: ${line.baud}`} }`];
}

function sourcesOf({ machine, boot }: DraftSource): readonly string[] {
  const { firmware, facts } = machine;
  const when = boot
    ? `boot ${boot.id} of ${new Date(boot.startedMs).toISOString().slice(0, 10)}`
    : 'no boot record is left';
  const sent = [
    `option 93 = ${firmware?.clientArch ?? 'absent'}`,
    `option 60 = ${firmware?.vendorClass ?? 'absent'}`,
    `MAC ${machine.macs[0] ?? 'unknown'}`,
  ].join(', ');
  const seen = facts
    ? [`compatible, SMBIOS names and console: what the agent saw on machine ${machine.name} (${when})`]
    : [];
  return [`${sent}: sent by machine ${machine.name} (${when})`, ...seen];
}

function checklistOf({ machine }: DraftSource, generic: Board): readonly string[] {
  const isUboot = generic.loaders.some((each) => each.loader === 'u-boot');
  return [
    `signs: all of them must agree; take out what another board of the kind does not send`,
    ...(machine.facts ? [] : ['compatible, SMBIOS names: boot the agent once, its page shows what it saw']),
    ...(isUboot
      ? ['argOctetsMax: measure what its u-boot holds (docs/boards.md); until then the least known counts']
      : []),
    ...(isUboot ? ['dtb: name it when the firmware brings none or a wrong one, then farrier board dtb import'] : []),
    'console, earlycon: what dmesg shows; powerOffS and hasBmc: how it is switched',
    'proof: emulated, simulated or tested once somebody has booted it, with what was tried under sources',
  ];
}
