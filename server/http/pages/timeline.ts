import type { Verdict } from '../../core/boot-verdict.ts';
import type { BootRecord, FarrierEvent } from '../../core/event.ts';
import { powerDuring } from '../../services/watch-boots.ts';
import { chartOf, type ChartView } from './boot-chart.ts';
import { verdictView, type VerdictView } from './boot-verdict.ts';
import { percent, ticksOf, type Tick } from './time-axis.ts';
import { moment, octetWords, spanWords, type Moment } from './words.ts';

/** A place on the time axis. */
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

/** One boot with its events on a proportional time axis. */
export interface BootView {
  readonly id: string;
  readonly started: Moment;
  /** What was planned for it; nothing where that is the verdict itself. */
  readonly plan: string;
  /** The last sign of a boot under way. */
  readonly heard: Moment | undefined;
  /** How it stands or how it ended, in one sentence. */
  readonly verdict: VerdictView;
  /** Where what its kernel saw is not what it was served, in words. */
  readonly differences: readonly string[];
  readonly chart: ChartView;
  readonly lines: readonly TimelineLine[];
  /** Older lines that are not shown. */
  readonly left: number;
  readonly total: string;
  readonly served: string | undefined;
  readonly retransmits: number;
  readonly ticks: readonly Tick[];
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

function bootOf(boot: BootRecord, events: readonly FarrierEvent[], verdict: Verdict | undefined): BootView {
  const began = events.map((event) => event.atMs - (figure(event, 'durationMs') ?? 0));
  const startMs = Math.min(boot.startedMs, ...began);
  const lastedMs = Math.max(0, ...events.map((event) => event.atMs - startMs));
  const totalMs = Math.max(1000, lastedMs);
  const files = events.filter((event) => event.kind === 'tftp' || event.kind === 'http');
  const served = files.reduce((sum, event) => sum + (figure(event, 'octets') ?? 0), 0);
  const shown = events.slice(-LINES_MAX);
  const ticks = ticksOf(totalMs);
  const judged = verdictView(verdict);
  const heardMs = events.at(-1)?.atMs;
  return {
    id: boot.id,
    started: moment(boot.startedMs),
    // A refusal is the verdict; it is not said twice.
    plan: boot.plan.startsWith('is refused') ? '' : boot.plan,
    heard: heardMs === undefined || judged.tone !== 'moving' ? undefined : moment(heardMs),
    verdict: judged,
    differences: events.filter((event) => event.detail['differs'] === true).map((event) => event.text),
    chart: chartOf(shown, { startMs, totalMs, tone: judged.tone }),
    lines: foldSearches(
      shown.map((event) => lineOf(event, startMs, totalMs)),
      new Set(shown.filter((event) => event.detail['outcome'] === 'absent').map((event) => event.id)),
    ),
    left: events.length - shown.length,
    total: spanWords(lastedMs),
    served: served > 0 ? octetWords(served) : undefined,
    retransmits: events.reduce((sum, event) => sum + (figure(event, 'retransmits') ?? 0), 0),
    ticks,
  };
}

/** A machine's boots, newest first, each with its events and those of its machine's power in order. */
export function bootsOf(
  boots: readonly BootRecord[],
  events: readonly FarrierEvent[],
  verdictOf: (boot: BootRecord) => Verdict | undefined,
): readonly BootView[] {
  return boots.map((boot) => {
    const power = new Set(powerDuring(boot, events));
    const own = events.filter((event) => event.boot === boot.id || power.has(event));
    return bootOf(boot, own, verdictOf(boot));
  });
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
