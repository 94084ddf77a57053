/**
 * Makes a caller of `job` that never has two of it under way: it begins at once, or, while one runs, once more after
 * that, however often it was called. So what the last run read is never older than the last call. A run that rejects
 * is told to `failed` and does not keep the next one from running.
 */
export function oneAtATime(job: () => Promise<void>, failed: (error: unknown) => void): () => void {
  let [isRunning, isWanted] = [false, false];
  const run = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false;
      await job().catch(failed);
    }
    isRunning = false;
  };
  return () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    void run();
  };
}
