/** How much may wait and run at once. */
export interface QueueLimits {
  /** Beyond this many waiting of one rank, new work is refused. */
  readonly waiting: number;
  readonly running: number;
}

/** Work that waits its turn, in two ranks. */
export interface WorkQueue<T> {
  /** False when there is no room; the caller counts it. */
  push(item: T, isUrgent: boolean): boolean;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

/**
 * A bounded queue: urgent items first, at most `running` at once, started at the end of the turn (`soon`), so that a
 * burst is ranked before it is worked off. `work` must not throw.
 */
export function workQueue<T>(
  work: (item: T) => Promise<void>,
  limits: QueueLimits,
  soon: (call: () => void) => void,
): WorkQueue<T> {
  const ranks: readonly [Fifo<T>, Fifo<T>] = [new Fifo(), new Fifo()];
  const idlers: (() => void)[] = [];
  let running = 0;
  let isDue = false;
  const pump = (): void => {
    isDue = false;
    while (running < limits.running) {
      const next = ranks[0].shift() ?? ranks[1].shift();
      if (next === undefined) break;
      running += 1;
      void work(next.item).finally(finished);
    }
    if (running === 0) for (const call of idlers.splice(0)) call();
  };
  const wake = (): void => {
    if (isDue) return;
    isDue = true;
    soon(pump);
  };
  const finished = (): void => {
    running -= 1;
    if (running === 0 || ranks.some((rank) => rank.length > 0)) wake();
  };
  return {
    push: (item, isUrgent) => {
      const rank = ranks[isUrgent ? 0 : 1];
      if (rank.length >= limits.waiting) return false;
      rank.push(item);
      wake();
      return true;
    },
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        wake();
      }),
  };
}

/** First in, first out, without moving the rest on each shift. */
class Fifo<T> {
  #items: { readonly item: T }[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push({ item });
  }

  shift(): { readonly item: T } | undefined {
    const first = this.#items[this.#head];
    if (first === undefined) return undefined;
    this.#head += 1;
    if (this.#head > 512 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}
