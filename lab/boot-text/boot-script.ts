import { err, ok, type Result } from '../../server/core/result.ts';
import type { BootOrder } from './boot-order.ts';
import { runHush } from './hush.ts';

const LOADS = ['tftp', 'tftpboot'];
const BOOTS = ['booti', 'bootz', 'bootm'];

/**
 * Carries out the text of a u-boot boot script: `fetch` gets each file that `tftp` names (false: it failed), `setenv`
 * and the addresses are remembered, and the first `booti`, `bootz` or `bootm` says what would be started.
 */
export async function runBootScript(
  script: string,
  environment: Readonly<Record<string, string>>,
  fetch: (path: string) => Promise<boolean>,
): Promise<Result<BootOrder>> {
  const variables = new Map(Object.entries(environment));
  const loaded = new Map<string, string>();
  let boot: readonly string[] | undefined;
  await runHush(
    script,
    (name) => variables.get(name) ?? '',
    async ([verb = '', first = '', ...rest]) => {
      if (boot !== undefined) return true;
      if (verb === 'setenv') variables.set(first, rest.join(' '));
      if (BOOTS.includes(verb)) boot = [first, ...rest];
      if (!LOADS.includes(verb)) return verb !== 'false' && verb !== 'exit';
      const path = rest[0] ?? '';
      const came = await fetch(path);
      if (came) loaded.set(address(first), path);
      return came;
    },
  );
  return boot === undefined
    ? err('the script started nothing')
    : orderOf(boot, loaded, variables.get('bootargs') ?? '');
}

/** `0x40400000` and `40400000` are one address: u-boot reads both as hexadecimal. */
function address(text: string): string {
  return text.toLowerCase().replace(/^0x/, '');
}

function orderOf(boot: readonly string[], loaded: ReadonlyMap<string, string>, args: string): Result<BootOrder> {
  const [kernelAt = '', initrdAt = '-', dtbAt] = boot;
  const kernel = loaded.get(address(kernelAt));
  if (kernel === undefined) return err(`nothing was loaded at ${kernelAt}`);
  const initrd = initrdAt === '-' ? undefined : loaded.get(address(initrdAt.split(':')[0] ?? ''));
  if (initrdAt !== '-' && initrd === undefined) return err(`no initrd was loaded at ${initrdAt}`);
  const initrds = initrd === undefined ? [] : [initrd];
  return ok({ do: 'boot', kernel, initrds, dtb: dtbAt === undefined ? undefined : loaded.get(address(dtbAt)), args });
}
