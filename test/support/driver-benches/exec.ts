import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPowerDrivers } from '../../../power-drivers/index.ts';
import type { DriverBench } from '../driver-bench.ts';
import { createDriverFolder } from '../driver-folder.ts';
import { realEdges } from '../ipmi-crypto.ts';
import { createQuietLog } from '../quiet-log.ts';

const PASSWORD = 'canary-of-a-program';

/** A site's own program: its machine is a file beside it, and so is the way in which it misbehaves. */
const PROGRAM = `#!/bin/sh
here=\${0%/*}
fields=$(cat)
mode=$(cat "$here/mode")
case $mode in
silent) (trap '' TERM HUP; exec sleep 3001) & exec sleep 3000 ;;
slow) sleep 2 ;;
half) printf '{"state":"o'; exit 0 ;;
flood) exec head -c 100000000 /dev/zero ;;
flapping) date +%N | grep -q '[02468]$' || exit 10 ;;
esac
case $fields in *'"password":"${PASSWORD}"'*) ;; *) exit 11 ;; esac
case $fields in *'"outlet":"3"'*) ;; *) echo '{"message":"no such outlet"}'; exit 12 ;; esac
setsid sleep 3002 &
case $1/$mode in
status/*) [ "$(date +%s)" -ge "$(cat "$here/due")" ] && cp "$here/next" "$here/power"; echo "{\\"state\\":\\"$(cat "$here/power")\\"}" ;;
*/lies) ;;
*) echo "$1" > "$here/next"; [ $mode = late ] && echo $(($(date +%s) + 3)) > "$here/due" || { echo 0 > "$here/due"; echo "$1" > "$here/power"; } ;;
esac
`;

/** Starts the bench of the driver `exec`. */
export async function startBench(): Promise<DriverBench> {
  const folder = await createDriverFolder();
  const keep = (name: string, text: string): Promise<void> => writeFile(join(folder.path, name), `${text}\n`);
  await folder.drop('machine', PROGRAM);
  for (const [name, text] of Object.entries({ mode: 'not', power: 'off', next: 'off', due: '0' }))
    await keep(name, text);
  const drivers = await createPowerDrivers([folder.path], { ...realEdges, log: createQuietLog() });
  drivers.close();
  const driver = drivers.byName('exec');
  if (!driver) throw new Error('there is no driver "exec"');
  return {
    driver,
    parameters: { program: 'machine', password: PASSWORD, outlet: '3' },
    secretField: 'password',
    truth: async () => ((await readFile(join(folder.path, 'power'), 'utf8')).trim() === 'on' ? 'on' : 'off'),
    misbehave: (how) => keep('mode', how),
    seen: () => [],
    close: () => folder.remove(),
  };
}
