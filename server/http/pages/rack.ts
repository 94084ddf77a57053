import { createHash } from 'node:crypto';
import type { Board } from '../../core/board.ts';
import { MOVING_STATES, STATES, type State } from '../../core/lifecycle.ts';
import type { PowerAbility, PowerDriver } from '../../ports/power-driver.ts';
import type { MachineView } from '../views.ts';
import { moment, octetWords, type Moment } from './words.ts';

/** The colour family of a state's pill. */
export type Tone = 'new' | 'moving' | 'good' | 'held' | 'strong' | 'warning' | 'bad' | 'quiet';

const TONES: Readonly<Record<State, Tone>> = {
  new: 'new',
  ready: 'good',
  allocated: 'held',
  deployed: 'strong',
  rescue: 'warning',
  broken: 'bad',
  retired: 'quiet',
  commissioning: 'moving',
  testing: 'moving',
  deploying: 'moving',
  releasing: 'moving',
  erasing: 'moving',
  'entering-rescue': 'moving',
  'leaving-rescue': 'moving',
};

/** How a state is coloured. */
export const toneOf = (state: State): Tone => TONES[state];

/** An order under way, in words. */
export const UNDER_WAY = {
  on: 'switching on',
  off: 'switching off',
  cycle: 'power-cycling',
  reset: 'resetting',
} as const;

/** A machine's power as the page shows it: only what was seen, with its time, and the order under way. */
export interface PowerCell {
  readonly state: 'on' | 'off' | 'unknown';
  readonly seen: Moment | undefined;
  /** What was seen so long ago says little; nothing where nobody looks by itself. */
  readonly staleMs: number | undefined;
  readonly because: string | undefined;
  readonly underWay: string | undefined;
  readonly driver: string | undefined;
  /** Whether the driver can be asked for the state; where it cannot, a person says it. */
  readonly canSee: boolean;
  readonly canReset: boolean;
  readonly canBootdev: boolean;
  readonly canIdentify: boolean;
  /** Whether its controller can be asked what it says of itself. */
  readonly canTell: boolean;
  /** A machine somebody uses: switching it off asks once more. */
  readonly isInUse: boolean;
}

/** One machine in the rack view. */
export interface RowView {
  readonly id: string;
  readonly name: string;
  readonly state: State;
  readonly tone: Tone;
  readonly failed: string | undefined;
  readonly power: PowerCell;
  readonly boardName: string | undefined;
  /** Given only when the board was recognised and nobody has confirmed it. */
  readonly evidence: readonly string[];
  readonly isRecognised: boolean;
  readonly address: string | undefined;
  readonly mac: string;
  readonly moreMacs: number;
  readonly arch: string | undefined;
  readonly hardware: string | undefined;
  /** What it is in its maker's words: product, device tree or processor. */
  readonly model: string | undefined;
  readonly bundle: string | undefined;
  readonly network: string;
  readonly last: { readonly text: string; readonly severity: string; readonly at: Moment } | undefined;
  readonly find: string;
}

function hardwareOf(facts: MachineView['facts']): string | undefined {
  if (!facts) return undefined;
  const parts = [
    facts.cpuCount > 0 ? `${facts.cpuCount} CPU${facts.cpuCount === 1 ? '' : 's'}` : undefined,
    facts.memoryOctets > 0 ? octetWords(facts.memoryOctets) : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(' · ') || undefined;
}

const MODEL_LETTERS_MAX = 32;

function modelOf(facts: MachineView['facts']): string | undefined {
  const whole = [facts?.vendor, facts?.product].filter((word) => word !== undefined && word !== '').join(' ');
  // A long maker's name would push the model out of sight.
  const product = whole.length > MODEL_LETTERS_MAX ? facts?.product : whole;
  return product || facts?.dtModel || facts?.cpuModel;
}

/** An event's words where there is little room: a file by its name and size. */
function shortWords({ text, detail }: NonNullable<MachineView['lastEvent']>): string {
  const { path, octets, outcome } = detail;
  if (typeof path !== 'string' || typeof octets !== 'number' || outcome !== 'done') return text;
  return `${path.slice(path.lastIndexOf('/') + 1)} went out, ${octetWords(octets)}`;
}

/** After so many looks that told nothing, what was seen before says little. */
const LOOKS_MISSED = 3;

/** Power as a cell; `driver` is the one the machine names, when there is such a one. */
function powerCell(view: MachineView, driver: PowerDriver | undefined, pollS: number): PowerCell {
  const { powerSeen: seen, underWay } = view;
  const can = (ability: PowerAbility): boolean => driver?.abilities.includes(ability) ?? false;
  return {
    state: seen?.state ?? 'unknown',
    seen: seen && moment(seen.atMs),
    staleMs: can('status') && pollS > 0 ? pollS * LOOKS_MISSED * 1000 : undefined,
    because: seen?.because,
    underWay: underWay && UNDER_WAY[underWay],
    driver: view.power?.driver,
    canSee: driver === undefined || can('status'),
    canReset: can('reset'),
    canBootdev: can('bootdev'),
    canIdentify: can('identify'),
    canTell: can('info'),
    isInUse: view.state === 'allocated' || view.state === 'deployed' || view.state === 'rescue',
  };
}

/** A machine as a row; `pollS`: see `HttpDeps.powerPollS`. */
export function rowOf(view: MachineView, driver: PowerDriver | undefined, pollS = 0): RowView {
  const { lastEvent: last, boardName } = view;
  const isRecognised = view.board === undefined && view.recognised !== undefined;
  const find = [view.name, view.state, ...view.macs, view.address, boardName, view.arch, view.bundle, view.network];
  return {
    id: view.id,
    name: view.name,
    state: view.state,
    tone: toneOf(view.state),
    failed: view.failed,
    power: powerCell(view, driver, pollS),
    boardName,
    evidence: isRecognised ? (view.recognised?.evidence ?? []) : [],
    isRecognised,
    address: view.address,
    mac: view.macs[0] ?? '',
    moreMacs: Math.max(0, view.macs.length - 1),
    arch: view.arch,
    hardware: hardwareOf(view.facts),
    model: modelOf(view.facts),
    bundle: view.bundle,
    network: view.network,
    last: last && { text: shortWords(last), severity: last.severity, at: moment(last.atMs) },
    find: find
      .filter((word) => word !== undefined)
      .join(' ')
      .toLowerCase(),
  };
}

/** How many machines are in each state, in the order of the lifecycle; states without any are left out but the usual. */
export function countsOf(views: readonly Pick<MachineView, 'state'>[]): readonly {
  readonly state: State;
  readonly tone: Tone;
  readonly count: number;
  readonly isMoving: boolean;
}[] {
  const usual: readonly State[] = ['new', 'ready', 'deployed'];
  return STATES.map((state) => ({
    state,
    tone: toneOf(state),
    count: views.filter((view) => view.state === state).length,
    isMoving: MOVING_STATES.some((moving) => moving === state),
  })).filter((each) => each.count > 0 || usual.includes(each.state));
}

/** A board as a choice in a form. */
export interface BoardChoice {
  readonly name: string;
  readonly title: string;
  readonly arch: string;
}

/** The boards to choose from, those of the machine's architecture first when it is known. */
export function boardChoices(boards: readonly Board[]): readonly BoardChoice[] {
  return [...boards]
    .map(({ name, title, arch }) => ({ name, title, arch }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

/** A short mark of what a fragment shows: the page keeps what it has when the mark is the same. */
export function markOf(...shown: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(shown)).digest('base64url').slice(0, 16);
}
