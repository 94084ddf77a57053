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
  /** From the last word to the verdict, or to now. */
  readonly silence: { readonly x: string; readonly width: string; readonly words: string } | undefined;
  /** For screen readers. */
  readonly words: string;
}

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
/** Silences shorter than this share of the axis are no news. */
const SILENCE_LEAST = 0.04;
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
    labelAt: share >= INSIDE_LEAST ? 'inside' : from / totalMs + share > 0.86 ? 'left' : 'right',
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

/** The lanes of a boot; only those in which something happened, and `Power` only where it was switched. */
export function chartOf(
  events: readonly FarrierEvent[],
  boot: { readonly startMs: number; readonly totalMs: number; readonly isWaiting: boolean },
): ChartView {
  const { startMs, totalMs, isWaiting } = boot;
  const paths = pathsOf(events);
  const spoken = events.filter((event) => laneOf(event, paths) !== undefined).map((event) => event.atMs - startMs);
  const quietMs = Math.max(0, ...spoken);
  const axisMs = Math.max(1000, isWaiting ? Math.min(totalMs, quietMs / SPOKEN_LEAST) : quietMs);
  const lanes = LANES.map(([kind, name]) => {
    const own = events.filter((event) => laneOf(event, paths) === kind);
    const octets = own.reduce((sum, event) => sum + numberOf(event, 'octets'), 0);
    const items = uncrowded(own.map((event) => itemOf(event, paths, startMs, axisMs)));
    return { name, kind, sum: octets > 0 ? octetWords(octets) : '', items };
  }).filter((lane) => lane.items.length > 0);
  const isSilent = isWaiting && lanes.length > 0 && (totalMs - quietMs) / totalMs >= SILENCE_LEAST;
  const words = `nothing heard for ${spanWords(totalMs - quietMs)}`;
  return {
    lanes,
    ticks: ticksOf(axisMs).filter((tick) => parseFloat(tick.x) <= percentOf(quietMs, axisMs) + 2),
    silence: isSilent ? { x: percent(quietMs, axisMs), width: percent(axisMs - quietMs, axisMs), words } : undefined,
    words: lanes
      .map((lane) => `${lane.name}: ${lane.items.length}${lane.sum === '' ? '' : `, ${lane.sum}`}`)
      .join('; '),
  };
}

const percentOf = (part: number, whole: number): number => (part / whole) * 100;
