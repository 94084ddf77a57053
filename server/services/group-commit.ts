/**
 * Lets writers that wait together share one commit: all that arrive within one turn of the event loop, or while the
 * commit before is under way, go in one batch. `soon` runs a function at the end of the turn (setImmediate), so a lone
 * writer waits for nobody. Each writer's promise settles as its batch did.
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
    await new Promise<void>((resolve) => {
      soon(resolve);
    });
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
