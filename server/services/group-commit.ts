/** Node reads at most 32 datagrams a turn: what waits in the socket behind them is read in the next. */
const TURNS_MIN = 2;
const TURNS_MAX = 8;

/**
 * Lets writers that wait together share one commit: all that arrive while the commit before is under way, and those that
 * come in turn after turn of the event loop, go in one batch. `soon` runs a function at the end of a turn (setImmediate);
 * a lone writer waits for two idle turns, some ten microseconds. Each writer's promise settles as its batch did.
 */
export function groupCommit<T>(
  commit: (batch: readonly T[]) => Promise<void>,
  soon: (call: () => void) => void,
): (items: readonly T[]) => Promise<void> {
  let waiting: T[] = [];
  let next: Promise<void> | undefined;
  let underWay: Promise<unknown> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await underWay;
    let seen = 0;
    for (let turn = 0; turn < TURNS_MIN || (turn < TURNS_MAX && waiting.length > seen); turn += 1) {
      seen = waiting.length;
      await new Promise<void>((resolve) => {
        soon(resolve);
      });
    }
    const batch = waiting;
    waiting = [];
    next = undefined;
    const done = commit(batch);
    underWay = done.catch(() => undefined);
    await done;
  };
  return (items) => {
    waiting.push(...items);
    next ??= flush();
    return next;
  };
}
