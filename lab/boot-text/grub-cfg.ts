import { ok, type Result } from '../../server/core/result.ts';
import type { BootOrder } from './boot-order.ts';
import { runShell, type CommandEnd } from './shell.ts';

interface Loaded {
  readonly kernel: string;
  readonly args: string;
  initrds: readonly string[];
  dtb: string | undefined;
}

/**
 * Follows a GRUB configuration without menu entries: `set`, `linux`, `initrd`, `devicetree`, `boot`, `exit`. Every
 * command is taken to succeed. Leaving without a kernel is the way to the machine's own disk.
 */
export async function runGrubCfg(text: string): Promise<Result<BootOrder>> {
  const variables = new Map<string, string>();
  const kernels: Loaded[] = [];
  const done = { booted: false };
  const run = ([verb = '', ...words]: readonly string[]): CommandEnd => {
    const [first = '', ...rest] = words;
    const last = kernels.at(-1);
    if (verb === 'set') variables.set(first.split('=')[0] ?? '', first.slice(first.indexOf('=') + 1));
    if (verb === 'linux') kernels.push({ kernel: pathOf(first), args: rest.join(' '), initrds: [], dtb: undefined });
    if (verb === 'initrd' && last) last.initrds = words.map(pathOf);
    if (verb === 'devicetree' && last) last.dtb = pathOf(first);
    if (verb === 'boot') done.booted = true;
    return verb === 'boot' || verb === 'exit' ? 'stop' : 'good';
  };
  await runShell(
    text,
    (name) => variables.get(name) ?? '',
    (words) => Promise.resolve(run(words)),
  );
  const order = kernels.at(-1);
  return ok(done.booted && order ? { do: 'boot', ...order } : { do: 'local-disk' });
}

/** `(tftp)/boot/x` and `(http,10.77.0.1)/boot/x` name a device first; the path is what the server sees. */
function pathOf(text: string): string {
  return text.replace(/^\([^)]*\)/, '');
}
