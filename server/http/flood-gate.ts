import type { Clock } from '../ports/clock.ts';

interface Bucket {
  tokens: number;
  atMs: number;
}

/** How fast one source may knock: `burst` at once, then `perMinute`; at most `sourcesMax` sources are remembered. */
export interface FloodLimits {
  readonly burst: number;
  readonly perMinute: number;
  readonly sourcesMax: number;
}

/** Counts knocks by source (a token bucket each) in bounded memory. */
export class FloodGate {
  readonly #clock: Clock;
  readonly #limits: FloodLimits;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, limits: FloodLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Seconds until the source may knock again; 0 when it may now, and then this knock is counted. */
  knock(source: string): number {
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#refilled(source, nowMs);
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    this.#forgetOldest();
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * 60) / this.#limits.perMinute);
    bucket.tokens -= 1;
    return 0;
  }

  #refilled(source: string, nowMs: number): Bucket {
    const bucket = this.#buckets.get(source) ?? { tokens: this.#limits.burst, atMs: nowMs };
    const gained = ((nowMs - bucket.atMs) / 60_000) * this.#limits.perMinute;
    return { tokens: Math.min(this.#limits.burst, bucket.tokens + gained), atMs: nowMs };
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= this.#limits.sourcesMax) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
