import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A machine for `ipmi_sim`: a program and the files it keeps its state in. */
export interface SimChassis {
  readonly program: string;
  isOn(): Promise<boolean>;
  bootDevice(): Promise<string>;
  /** The program's calls that changed something, in order; one that was repeated at once, as a late answer makes a console do, is told once. */
  deeds(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

const PROGRAM = `#!/bin/sh
here=\${0%/*}
case "$2 $3" in
  'get power') echo "power:$(cat "$here/power")" ;;
  'set power') echo "$4" > "$here/power"; echo "power $4" >> "$here/deeds" ;;
  'set identify') echo "identify $4" >> "$here/deeds" ;;
  'set reset') echo reset >> "$here/deeds" ;;
  'get boot') echo "boot:$(cat "$here/boot")" ;;
  'set boot') echo "$4" > "$here/boot" ;;
esac
exit 0
`;

/** A machine that is off and wishes nothing. */
export async function createSimChassis(): Promise<SimChassis> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-chassis-'));
  const file = (name: string): string => join(folder, name);
  await writeFile(file('power'), '0\n');
  await writeFile(file('boot'), 'none\n');
  await writeFile(file('deeds'), '');
  await writeFile(file('chassis'), PROGRAM, { mode: 0o755 });
  const read = async (name: string): Promise<string> => (await readFile(file(name), 'utf8')).trim();
  return {
    program: file('chassis'),
    isOn: async () => (await read('power')) === '1',
    bootDevice: () => read('boot'),
    deeds: async () => {
      const lines = (await read('deeds')).split('\n');
      return lines.filter((line, at) => line !== '' && line !== lines[at - 1]);
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
