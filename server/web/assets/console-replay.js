// @ts-check
// A boot's console once more, as slowly or as fast as one likes.

const TICK_MS = 50;

/** @typedef {{ at: number, atMs: number, octets: string }} Chunk */

/** @param {string} text base64 */
const octetsOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/**
 * Gives the pieces of a boot's console in their time.
 * @param {Chunk[]} chunks in order
 * @param {{ write: (octets: Uint8Array, atMs: number) => void, clear: () => void, moved: (ms: number, isOver: boolean) => void }} hooks
 */
export function makeReplay(chunks, hooks) {
  const startMs = chunks[0]?.atMs ?? 0;
  const lengthMs = (chunks.at(-1)?.atMs ?? 0) - startMs;
  let [next, nowMs, speed, lastTick] = [0, 0, 1, 0];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  const writeDue = () => {
    for (let chunk = chunks[next]; chunk && chunk.atMs - startMs <= nowMs; chunk = chunks[next]) {
      hooks.write(octetsOf(chunk.octets), chunk.atMs);
      next += 1;
    }
    hooks.moved(nowMs, next >= chunks.length);
  };
  const pause = () => {
    clearInterval(timer);
    timer = undefined;
  };
  const tick = () => {
    const now = performance.now();
    nowMs = Math.min(lengthMs, nowMs + (now - lastTick) * speed);
    lastTick = now;
    writeDue();
    if (next >= chunks.length) pause();
  };
  const seek = (/** @type {number} */ ms) => {
    if (ms < nowMs) {
      hooks.clear();
      next = 0;
    }
    nowMs = ms;
    writeDue();
  };
  return {
    lengthMs,
    isRunning: () => timer !== undefined,
    play: () => {
      if (next >= chunks.length) seek(0);
      pause();
      lastTick = performance.now();
      timer = setInterval(tick, TICK_MS);
    },
    pause,
    seek,
    /** @param {number} times */
    speed: (times) => {
      speed = times;
    },
  };
}
