/** What a run state of QEMU means for power. `frozen`: it neither runs nor is it off, until somebody lets it go on. */
export interface RunMeaning {
  readonly power: 'on' | 'off' | 'frozen';
  /** QEMU wants a reset before it lets the machine run again. */
  readonly needsReset: boolean;
}

/** QEMU's run states (`RunState` in `qapi/run-state.json` of QEMU 7.2). */
const MEANINGS: Readonly<Record<string, RunMeaning>> = {
  running: { power: 'on', needsReset: false },
  suspended: { power: 'on', needsReset: false },
  'guest-panicked': { power: 'on', needsReset: true },
  'internal-error': { power: 'frozen', needsReset: true },
  'io-error': { power: 'frozen', needsReset: false },
  watchdog: { power: 'frozen', needsReset: false },
  paused: { power: 'frozen', needsReset: false },
  debug: { power: 'frozen', needsReset: false },
  'save-vm': { power: 'frozen', needsReset: false },
  'restore-vm': { power: 'frozen', needsReset: false },
  'finish-migrate': { power: 'frozen', needsReset: false },
  colo: { power: 'frozen', needsReset: false },
  postmigrate: { power: 'off', needsReset: false },
  inmigrate: { power: 'off', needsReset: false },
  prelaunch: { power: 'off', needsReset: false },
  shutdown: { power: 'off', needsReset: true },
};

/** Reads a run state by its name; nothing for one this QEMU has invented since. */
export function runMeaning(state: string): RunMeaning | undefined {
  return Object.hasOwn(MEANINGS, state) ? MEANINGS[state] : undefined;
}
