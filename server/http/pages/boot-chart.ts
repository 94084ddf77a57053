import { roleOf, type FileRole } from '../../core/boot-story.ts';
import type { FarrierEvent } from '../../core/event.ts';
import { percent, ticksOf, type Tick } from './time-axis.ts';
import { octetWords, spanWords } from './words.ts';

/** A bar (a transfer) or a mark (a moment) in a lane. */
interface Item {
  readonly id: number;
  readonly x: string;
  readonly width: string;
  /** Where it ends. */
  readonly end: string;
  readonly isMark: boolean;
  readonly severity: string;
  /** Shown where there is room. */
  readonly label: string | undefined;
  readonly labelAt: 'inside' | 'right' | 'left';
  /** Told on hovering. */
  readonly title: string;
}

/** One lane: what one layer did, on the common axis. */
interface Lane {
  readonly name: string;
  readonly kind: string;
  readonly sum: string;
  readonly items: readonly Item[];
}

/** The picture over a boot's lines. */
export interface ChartView {
  readonly lanes: readonly Lane[];
  readonly ticks: readonly Tick[];
  /** From the last word on: what is waited for, or how long nothing came. */
  readonly silence: Silence | undefined;
  /** For screen readers. */
  readonly words: string;
}

interface Silence {
  readonly x: string;
  readonly width: string;
  readonly words: string;
}

/** How a boot stands, as far as its picture goes. */
type ChartTone = 'good' | 'bad' | 'moving' | 'quiet';

type LaneKind = 'power' | 'network' | 'loader' | 'kernel' | 'system';
const LANES: readonly (readonly [LaneKind, string])[] = [
  ['power', 'Power'],
  ['network', 'Network'],
  ['loader', 'Loader'],
  ['kernel', 'Kernel files'],
  ['system', 'System'],
];
/** Bars narrower than this share of the axis are shown this wide. */
const BAR_LEAST = 0.006;
/** Bars from this share on have their label inside. */
const INSIDE_LEAST = 0.1;
/** However long the silence at the end was, what happened before keeps this share of the axis. */
const SPOKEN_LEAST = 0.68;
/** Shorter silences are no news. */
const SILENCE_LEAST_MS = 2000;
/** This share of the axis is kept free behind what was seen: for what is still to come, or for the last label. */
const WAITING_SHARE = 0.14;
/** One moment alone is no picture. */
const ITEMS_LEAST = 2;
/** Per cent of the axis up to which its ticks are named when there are words at its end. */
const NAMED_TO = 60;
const FILE_NAMES: Readonly<Record<FileRole, string | undefined>> = {
  loader: 'loader',
  config: 'config',
  kernel: 'kernel',
  initrd: 'initrd',
  dtb: 'device tree',
  other: undefined,
};

/** What a boot's plan says of its files. */
type Paths = NonNullable<Parameters<typeof roleOf>[1]>;

function pathsOf(events: readonly FarrierEvent[]): Paths | undefined {
  const plan = events.findLast((event) => event.kind === 'boot' && event.detail['kernel'] !== undefined);
  const path = (key: string): string | undefined => {
    const value = plan?.detail[key];
    return typeof value === 'string' ? value : undefined;
  };
  return plan && { kernel: path('kernel'), initrd: path('initrd'), dtb: path('dtb') };
}

function roleOfEvent(event: FarrierEvent, paths: Paths | undefined): FileRole {
  const { path } = event.detail;
  return typeof path === 'string' ? roleOf(path, paths) : 'other';
}

function laneOf(event: FarrierEvent, paths: Paths | undefined): LaneKind | undefined {
  switch (event.kind) {
    case 'power':
      return 'power';
    case 'dhcp':
      return event.detail['by'] === 'system' ? 'system' : 'network';
    case 'tftp':
    case 'http': {
      if (event.detail['outcome'] === 'absent') return undefined;
      const role = roleOfEvent(event, paths);
      return role === 'kernel' || role === 'initrd' || role === 'dtb' ? 'kernel' : 'loader';
    }
    case 'agent':
      return 'system';
    case 'boot':
      return event.detail['signal'] === 'kernel-started' || event.detail['signal'] === 'booted' ? 'system' : undefined;
    case 'state':
    case 'edit':
    case 'console':
    case 'security':
    case 'network':
      return undefined;
  }
}

const numberOf = (event: FarrierEvent, key: string): number => {
  const value = event.detail[key];
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
};

function labelOf(event: FarrierEvent, paths: Paths | undefined): string | undefined {
  switch (event.kind) {
    case 'tftp':
    case 'http':
      return FILE_NAMES[roleOfEvent(event, paths)];
    case 'dhcp':
      return event.detail['sent'] === 'ACK' ? 'address' : undefined;
    case 'power':
      return event.detail['state'] === 'on' ? 'on' : undefined;
    case 'agent':
      return event.severity === 'good' ? 'facts' : undefined;
    case 'boot':
      return event.detail['signal'] === 'booted' ? 'booted' : 'started';
    case 'state':
    case 'edit':
    case 'console':
    case 'security':
    case 'network':
      return undefined;
  }
}

function itemOf(event: FarrierEvent, paths: Paths | undefined, startMs: number, totalMs: number): Item {
  const isFile = event.kind === 'tftp' || event.kind === 'http';
  const durationMs = isFile ? numberOf(event, 'durationMs') : 0;
  const from = Math.max(0, event.atMs - durationMs - startMs);
  const share = Math.max(durationMs / totalMs, isFile ? BAR_LEAST : 0);
  const octets = numberOf(event, 'octets');
  const figures = isFile ? `, ${octetWords(octets)} in ${spanWords(durationMs)}` : '';
  return {
    id: event.id,
    x: percent(Math.min(from, totalMs * (1 - share)), totalMs),
    width: percent(share, 1),
    end: percent(from / totalMs + share, 1),
    isMark: !isFile,
    severity: event.severity,
    label: labelOf(event, paths),
    labelAt: share >= INSIDE_LEAST ? 'inside' : from / totalMs + share > 0.9 ? 'left' : 'right',
    title: `+${spanWords(from)}: ${isFile ? String(event.detail['path'] ?? '') : event.text}${figures}`,
  };
}

/** Per cent of the axis that a label takes at most, on a narrow page. */
const roomFor = (label: string): number => 3 + label.length * 1.3;

/** A label that would lie on its neighbour is left out; hovering still tells it. */
function uncrowded(items: readonly Item[]): readonly Item[] {
  let takenTo = 0;
  return items.map((item, at) => {
    const { label, labelAt } = item;
    const from = parseFloat(item.x);
    const to = from + parseFloat(item.width);
    const next = items[at + 1];
    const nextFrom = next ? parseFloat(next.x) : 100;
    const isFree =
      label !== undefined &&
      (labelAt === 'inside' ||
        (labelAt === 'right' ? nextFrom - to >= roomFor(label) : from - takenTo >= roomFor(label)));
    takenTo = isFree && labelAt === 'right' ? to + roomFor(label) : to;
    return isFree ? item : { ...item, label: undefined };
  });
}

/** How long the axis is, and what its end tells. */
function axisOf(quietMs: number, totalMs: number, tone: ChartTone): { axisMs: number; silence: Silence | undefined } {
  const isSilent = tone === 'bad' && totalMs - quietMs >= SILENCE_LEAST_MS;
  if (tone !== 'moving' && !isSilent)
    return { axisMs: Math.max(1000, quietMs / (1 - WAITING_SHARE)), silence: undefined };
  const spokenLeast = isSilent ? SPOKEN_LEAST : 1 - WAITING_SHARE;
  const axisMs = Math.max(1000, isSilent ? Math.min(totalMs, quietMs / spokenLeast) : quietMs / spokenLeast);
  const words = isSilent ? `nothing heard for ${spanWords(totalMs - quietMs)}` : 'waiting for the next step';
  return { axisMs, silence: { x: percent(quietMs, axisMs), width: percent(axisMs - quietMs, axisMs), words } };
}

/** The ticks as far as something was heard; none is named under the words of the silence. */
function ticksUntil(quietMs: number, axisMs: number, silence: Silence | undefined): readonly Tick[] {
  const to = percentOf(quietMs, axisMs) + 2;
  return ticksOf(axisMs)
    .filter((tick) => parseFloat(tick.x) <= to)
    .map((tick) => (silence && parseFloat(tick.x) > NAMED_TO ? { ...tick, words: '' } : tick));
}

/** The lanes of a boot; only those in which something happened, and `Power` only where it was switched. */
export function chartOf(
  events: readonly FarrierEvent[],
  boot: { readonly startMs: number; readonly totalMs: number; readonly tone: ChartTone },
): ChartView {
  const { startMs, totalMs, tone } = boot;
  const paths = pathsOf(events);
  const spoken = events.filter((event) => laneOf(event, paths) !== undefined).map((event) => event.atMs - startMs);
  const quietMs = Math.max(0, ...spoken);
  const { axisMs, silence } = axisOf(quietMs, totalMs, tone);
  const all = LANES.map(([kind, name]) => {
    const own = events.filter((event) => laneOf(event, paths) === kind);
    const octets = own.reduce((sum, event) => sum + numberOf(event, 'octets'), 0);
    const items = uncrowded(own.map((event) => itemOf(event, paths, startMs, axisMs)));
    return { name, kind, sum: octets > 0 ? octetWords(octets) : '', items };
  }).filter((lane) => lane.items.length > 0);
  const lanes = all.reduce((sum, lane) => sum + lane.items.length, 0) < ITEMS_LEAST ? [] : all;
  return {
    lanes,
    ticks: ticksUntil(quietMs, axisMs, silence),
    silence: lanes.length > 0 ? silence : undefined,
    words: lanes
      .map((lane) => `${lane.name}: ${lane.items.length}${lane.sum === '' ? '' : `, ${lane.sum}`}`)
      .join('; '),
  };
}

const percentOf = (part: number, whole: number): number => (part / whole) * 100;
