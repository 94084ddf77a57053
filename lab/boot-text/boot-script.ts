import { err, ok, type Result } from '../../server/core/result.ts';
import type { BootOrder } from './boot-order.ts';
import { runShell, type CommandEnd } from './shell.ts';

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
  const boots: (readonly string[])[] = [];
  const run = async (words: readonly string[]): Promise<CommandEnd> => {
    const [verb = '', first = '', ...rest] = words;
    if (BOOTS.includes(verb)) boots.push(words.slice(1));
    if (BOOTS.includes(verb) || verb === 'exit') return 'stop';
    if (verb === 'setenv') variables.set(first, rest.join(' '));
    if (verb === 'test') return holds(first, rest[0] ?? '') ? 'good' : 'bad';
    if (!LOADS.includes(verb)) return verb === 'false' ? 'bad' : 'good';
    const path = rest[0] ?? '';
    if (!(await fetch(path))) return 'bad';
    loaded.set(address(first), path);
    return 'good';
  };
  await runShell(script, (name) => variables.get(name) ?? '', run);
  const [boot] = boots;
  return boot === undefined
    ? err('the script started nothing')
    : orderOf(boot, loaded, variables.get('bootargs') ?? '');
}

/** `test -z TEXT` and `test -n TEXT`. */
function holds(operator: string, text: string): boolean {
  return operator === '-z' ? text === '' : text !== '';
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
