import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { qemuCommand, type QemuMachine } from './machine-args.ts';

const run = promisify(execFile);

/**
 * The device tree of a QEMU board with a model of our own in it, so that Linux can show which tree it got
 * (`/proc/device-tree/model`). Dumped with the board's own command line: QEMU builds other nodes for other flags, and a
 * tree that does not fit the machine ends in silence after "Starting kernel ...". Needs Debian's device-tree-compiler.
 */
export async function markedDtb(machine: QemuMachine, model: string, folder: string): Promise<Uint8Array> {
  const work = await mkdtemp(join(folder, 'dtb-'));
  const [dumped, source, made] = [join(work, 'dumped.dtb'), join(work, 'marked.dts'), join(work, 'marked.dtb')];
  const alone = { tap: undefined, serialLog: undefined, serialSocket: undefined };
  const { command, args } = qemuCommand({ ...machine, ...alone, dumpDtb: dumped });
  await run(command, [...args]);
  const { stdout } = await run('dtc', ['-q', '-I', 'dtb', '-O', 'dts', dumped], { maxBuffer: 16 << 20 });
  await writeFile(source, withModel(stdout, model));
  await run('dtc', ['-q', '-I', 'dts', '-O', 'dtb', '-o', made, source]);
  const octets = await readFile(made);
  await rm(work, { recursive: true });
  return octets;
}

/** The source with its root `model` replaced, or put in where there was none. */
export function withModel(source: string, model: string): string {
  const line = `\tmodel = ${JSON.stringify(model)};`;
  if (/^\tmodel = .*;$/m.test(source)) return source.replace(/^\tmodel = .*;$/m, () => line);
  return source.replace(/^\/ \{$/m, (root) => `${root}\n${line}`);
}
