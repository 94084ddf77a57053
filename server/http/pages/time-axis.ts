/** One line of a time axis. */
export interface Tick {
  readonly x: string;
  readonly words: string;
}

/** A place on the time axis, in per cent with two decimals, as SVG takes it. */
export function percent(part: number, whole: number): string {
  return `${(Math.min(1, Math.max(0, part / whole)) * 100).toFixed(2)}%`;
}

/** A step of 1, 2 or 5 times a power of ten (or a round number of minutes) that gives two to five ticks. */
export function tickStepMs(totalMs: number): number {
  const steps = [
    100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000,
  ];
  return steps.find((step) => totalMs / step <= 4) ?? Math.ceil(totalMs / 4);
}

/** The ticks of an axis that is so long; none so far right that its words would not fit. */
export function ticksOf(totalMs: number): readonly Tick[] {
  const step = tickStepMs(totalMs);
  const count = Math.floor(totalMs / step);
  return Array.from({ length: count + 1 }, (_, at) => ({
    x: percent(at * step, totalMs),
    words: step < 60_000 ? `${(at * step) / 1000} s` : `${(at * step) / 60_000} min`,
  })).filter((tick) => parseFloat(tick.x) <= 94);
}
