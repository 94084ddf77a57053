/** Waits until it is so, looking every 50 ms. Rejects at the deadline, naming what was waited for and what `describe` says. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
  describe: () => string | Promise<string> = () => '',
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > endMs)
      throw new Error(`${what}: not within ${deadlineMs / 1000} s\n${await describe()}`.trimEnd());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
