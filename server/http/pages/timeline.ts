import type { BootRecord, FarrierEvent } from '../../core/event.ts';
import { moment, octetWords, spanWords, type Moment } from './words.ts';

/** A place on the time axis, in per cent with two decimals, as SVG takes it. */
interface Bar {
  readonly x: string;
  readonly width: string;
}

/** One event as a line of a boot. */
interface TimelineLine {
  readonly id: number;
  readonly kind: string;
  readonly severity: string;
  /** The path of a file that was asked for; `text` then says only what is not in the figures. */
  readonly path: string | undefined;
  readonly text: string;
  /** Paths of files that are not there, asked for one after the other: a normal part of a loader's search. */
  readonly searched: readonly string[];
  /** Time since the boot's first sign. */
  readonly offset: string;
  readonly at: Moment;
  readonly octets: string | undefined;
  readonly span: string | undefined;
  readonly retransmits: number;
  readonly sha256: string | undefined;
  readonly bar: Bar;
}

/** The one sentence over a boot. */
interface Verdict {
  readonly text: string;
  readonly tone: 'good' | 'warning' | 'bad' | 'moving' | 'quiet';
  readonly remedy: string | undefined;
}

/** One boot with its events on a proportional time axis. */
export interface BootView {
  readonly id: string;
  readonly started: Moment;
  readonly plan: string;
  /** How it stands or how it ended, in one sentence. */
  readonly verdict: Verdict;
  readonly lines: readonly TimelineLine[];
  /** Older lines that are not shown. */
  readonly left: number;
  readonly total: string;
  readonly served: string | undefined;
  readonly retransmits: number;
  readonly ticks: readonly { readonly x: string; readonly words: string }[];
}

/** So many lines of one boot are shown; a loader that searches for hours would fill the page otherwise. */
const LINES_MAX = 300;
/** The least a bar measures, in per cent of the axis: what took no time is still to be seen. */
const BAR_PERCENT_MIN = 1.2;

function figure(event: FarrierEvent, key: string): number | undefined {
  const value = event.detail[key];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function words(event: FarrierEvent, key: string): string | undefined {
  const value = event.detail[key];
  return typeof value === 'string' ? value : undefined;
}

const percent = (part: number, whole: number): string =>
  `${(Math.min(1, Math.max(0, part / whole)) * 100).toFixed(2)}%`;

/** A step of 1, 2 or 5 times a power of ten (or a round number of minutes) that gives two to five ticks. */
export function tickStepMs(totalMs: number): number {
  const steps = [
    100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000,
  ];
  return steps.find((step) => totalMs / step <= 4) ?? Math.ceil(totalMs / 4);
}

function ticksOf(totalMs: number): BootView['ticks'] {
  const step = tickStepMs(totalMs);
  const count = Math.floor(totalMs / step);
  return Array.from({ length: count + 1 }, (_, at) => ({
    x: percent(at * step, totalMs),
    words: step < 60_000 ? `${(at * step) / 1000} s` : `${(at * step) / 60_000} min`,
  })).filter((tick) => parseFloat(tick.x) <= 86);
}

/** What a line says beside its badge, its path and its figures. */
function textOf(event: FarrierEvent, path: string | undefined): string {
  if (path === undefined) return event.text.replace(/^(DHCP |agent: )/, '');
  if (event.detail['outcome'] === 'done') return '';
  return event.text.startsWith(`${path}: `) ? event.text.slice(path.length + 2) : event.text;
}

function lineOf(event: FarrierEvent, startMs: number, totalMs: number): TimelineLine {
  const durationMs = figure(event, 'durationMs');
  const octets = figure(event, 'octets') ?? 0;
  const beganMs = event.atMs - (durationMs ?? 0);
  const path = event.kind === 'tftp' || event.kind === 'http' ? words(event, 'path') : undefined;
  return {
    id: event.id,
    kind: event.kind,
    severity: event.severity,
    path,
    text: textOf(event, path),
    searched: [],
    offset: `+${spanWords(Math.max(0, beganMs - startMs))}`,
    at: moment(event.atMs),
    octets: octets === 0 ? undefined : octetWords(octets),
    span: durationMs === undefined ? undefined : spanWords(durationMs),
    retransmits: figure(event, 'retransmits') ?? 0,
    sha256: octets === 0 ? undefined : words(event, 'sha256'),
    bar: {
      x: percent(Math.min(beganMs - startMs, totalMs * (1 - BAR_PERCENT_MIN / 100)), totalMs),
      width: `${Math.max(BAR_PERCENT_MIN, parseFloat(percent(durationMs ?? 0, totalMs))).toFixed(2)}%`,
    },
  };
}

/** Misses in a row become one line that unfolds. */
function foldSearches(lines: readonly TimelineLine[], missed: ReadonlySet<number>): readonly TimelineLine[] {
  const folded: TimelineLine[] = [];
  for (const line of lines) {
    const last = folded.at(-1);
    const path = missed.has(line.id) ? line.path : undefined;
    if (path === undefined) folded.push(line);
    else if (!last || last.searched.length === 0) folded.push({ ...line, path: undefined, searched: [path] });
    else folded[folded.length - 1] = { ...last, searched: [...last.searched, path] };
  }
  return folded;
}

function verdictOf(events: readonly FarrierEvent[], startMs: number): Verdict {
  const said = (text: string, tone: Verdict['tone'], remedy?: string): Verdict => ({ text, tone, remedy });
  const after = (event: FarrierEvent): string => `after ${spanWords(event.atMs - startMs)}`;
  const decided = events.filter((event) => event.kind === 'boot').at(-1);
  if (decided?.severity === 'bad' || decided?.severity === 'warning')
    return said(words(decided, 'because') ?? decided.text, decided.severity, words(decided, 'remedy'));
  const told = events.find((event) => event.kind === 'agent' && event.severity === 'good');
  if (told) return said(`The agent told what it is ${after(told)}`, 'good');
  if (decided?.severity === 'good') return said(`Its kernel went out ${after(decided)}`, 'good');
  const trouble = events.findLast((event) => event.severity === 'bad' || event.severity === 'warning');
  if (trouble) return said(trouble.text, trouble.severity === 'bad' ? 'bad' : 'warning');
  if (decided?.detail['plan'] === 'local-disk') return said('Sent to its own disk', 'quiet');
  return said('No kernel has gone out yet', 'moving');
}

function bootOf(boot: BootRecord, events: readonly FarrierEvent[]): BootView {
  const began = events.map((event) => event.atMs - (figure(event, 'durationMs') ?? 0));
  const startMs = Math.min(boot.startedMs, ...began);
  const totalMs = Math.max(1000, ...events.map((event) => event.atMs - startMs));
  const files = events.filter((event) => event.kind === 'tftp' || event.kind === 'http');
  const served = files.reduce((sum, event) => sum + (figure(event, 'octets') ?? 0), 0);
  const shown = events.slice(-LINES_MAX);
  return {
    id: boot.id,
    started: moment(boot.startedMs),
    plan: boot.plan,
    verdict: verdictOf(events, startMs),
    lines: foldSearches(
      shown.map((event) => lineOf(event, startMs, totalMs)),
      new Set(shown.filter((event) => event.detail['outcome'] === 'absent').map((event) => event.id)),
    ),
    left: events.length - shown.length,
    total: spanWords(totalMs),
    served: served > 0 ? octetWords(served) : undefined,
    retransmits: events.reduce((sum, event) => sum + (figure(event, 'retransmits') ?? 0), 0),
    ticks: ticksOf(totalMs),
  };
}

/** A machine's boots, newest first, each with its events in order. */
export function bootsOf(boots: readonly BootRecord[], events: readonly FarrierEvent[]): readonly BootView[] {
  return boots.map((boot) =>
    bootOf(
      boot,
      events.filter((event) => event.boot === boot.id),
    ),
  );
}

/** What happened outside of any boot, newest first. */
export function historyOf(
  events: readonly FarrierEvent[],
  max: number,
): readonly { readonly id: number; readonly text: string; readonly severity: string; readonly at: Moment }[] {
  return events
    .filter((event) => event.boot === undefined)
    .slice(-max)
    .reverse()
    .map(({ id, text, severity, atMs }) => ({ id, text, severity, at: moment(atMs) }));
}
