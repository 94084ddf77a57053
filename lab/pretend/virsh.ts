import { readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Misbehaviour } from './switched.ts';

/** A program that answers as libvirt's virsh 9.0 does, for one domain kept in a file. */
export interface PretendVirsh {
  /** Its path. */
  readonly path: string;
  readonly truth: () => Promise<'on' | 'off'>;
  readonly misbehave: (how: Misbehaviour) => Promise<void>;
  /** The arguments of every call. */
  readonly calls: () => readonly string[];
  readonly seen: () => readonly { readonly beganMs: number; readonly endedMs: number }[];
  /** What `dumpxml` prints. */
  readonly describe: (xml: string) => Promise<void>;
  /** The words virsh ends with instead of doing anything. */
  readonly failWith: (words: string) => Promise<void>;
}

/** Plain sh, so that a call costs a few milliseconds. Times come from the kernel's own monotonic clock. */
const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
read -r began _ < /proc/uptime
echo "$*" >> calls
ended() { read -r now _ < /proc/uptime; echo "$began $now" >> seen; }
trap ended EXIT
[ "$1 $2" = '-q -c' ] || exit 1
command=$4
for domain; do :; done
fail() { printf 'error: Failed to %s domain\\nerror: %s\\n' "$command" "$1" >&2; exit 1; }
if [ -s words ]; then fail "$(cat words)"; fi
read -r how < how
case $how in
silent) exec sleep 600 ;;
slow) sleep 0.1 ;;
half) [ "$command" = domstate ] && { printf 'runn'; exit 0; }; printf 'error: Disconn' >&2; exit 1 ;;
flood) exec yes 'error: all work and no play' ;;
esac
if [ "$domain" != board1 ]; then printf "error: failed to get domain '%s'\\n" "$domain" >&2; exit 1; fi
hundredths() { echo "$((\${1%.*} * 100 + 1\${1#*.} - 100))"; }
order() {
  case $how in
  lies) ;;
  late) echo "$(($(hundredths "$began") + 20)) $1" > later ;;
  *) echo "$1" > state ;;
  esac
}
# Whatever a program leaves running is ended with it: what comes true late is kept with its time.
if [ -s later ]; then
  read -r due target < later
  if [ "$(hundredths "$began")" -ge "$due" ]; then echo "$target" > state; : > later; fi
fi
read -r state < state
case $command in
start) [ "$state" = 'shut off' ] || fail 'Domain is already active'; [ "$5" = --paused ] && order paused || order running ;;
resume) case $state in 'shut off') [ "$how" = not ] && fail 'Requested operation is not valid: domain is not running' ;; running) fail 'Requested operation is not valid: domain is already running' ;; esac; order running ;;
destroy) [ "$state" != 'shut off' ] || fail 'Requested operation is not valid: domain is not running'; order 'shut off' ;;
reset) [ "$state" = running ] || fail 'Requested operation is not valid: domain is not running' ;;
domstate) if [ "$how" = flapping ]; then [ "$state" = running ] && state='shut off' || state=running; echo "$state" > state; fi; printf '%s\\n\\n' "$state" ;;
dominfo) printf 'Id:             1\\nName:           board1\\nState:          %s\\nMax memory:     131072 KiB\\n\\n' "$state" ;;
dumpxml) cat xml ;;
*) printf "error: unknown command: '%s'\\n" "$command" >&2; exit 1 ;;
esac
`;

/** Writes one into `folder`, which is its own. */
export async function createPretendVirsh(folder: string): Promise<PretendVirsh> {
  const put = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  const lines = (name: string): readonly string[] =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  const path = join(folder, 'virsh');
  await put('virsh', SCRIPT);
  await chmod(path, 0o755);
  await Promise.all([
    put('state', 'shut off\n'),
    put('how', 'not\n'),
    ...['xml', 'calls', 'seen'].map((n) => put(n, '')),
  ]);
  return {
    path,
    truth: async () => ((await readFile(join(folder, 'state'), 'utf8')).trim() === 'running' ? 'on' : 'off'),
    misbehave: (how) => put('how', `${how}\n`),
    calls: () => lines('calls'),
    seen: () =>
      lines('seen').map((line) => {
        const [beganMs = 0, endedMs = 0] = line.split(' ').map((seconds) => Number(seconds) * 1000);
        return { beganMs, endedMs };
      }),
    describe: (xml) => put('xml', xml),
    failWith: (words) => put('words', words),
  };
}
