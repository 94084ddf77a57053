/** Time, owned by whoever wires: the real one in the daemon, a fake one in tests. */
export interface Clock {
  /** Wall clock, epoch milliseconds. May jump. */
  now(): number;
  /** Milliseconds since some start; never goes back. Deadlines and durations use it. */
  monotonicMs(): number;
  /** Calls once after `ms`; the answer cancels it. Whoever waits keeps the process alive. */
  after(ms: number, call: () => void): () => void;
}

/** Resolves after `ms` on the given clock. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
