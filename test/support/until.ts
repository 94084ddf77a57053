/** Waits until it is so, looking again after 5 ms, then ever later, each 50 ms in the end. Rejects at the deadline, naming what was waited for and what `describe` says. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
  describe: () => string | Promise<string> = () => '',
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  for (let pauseMs = 5; !(await isSo()); pauseMs = Math.min(2 * pauseMs, 50)) {
    if (performance.now() > endMs)
      throw new Error(`${what}: not within ${deadlineMs / 1000} s\n${await describe()}`.trimEnd());
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
