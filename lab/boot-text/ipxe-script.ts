import { err, ok, type Result } from '../../server/core/result.ts';
import type { BootOrder } from './boot-order.ts';

/**
 * Reads an iPXE script as far as a network boot needs it: `set`, `kernel`, `initrd`, `imgargs`, `boot`, `chain`,
 * `exit`. Every command is taken to succeed, so what stands behind `||` is not run. `settings` are iPXE's own
 * (`net0/mac`, `next-server`).
 */
export function parseIpxeScript(text: string, settings: Readonly<Record<string, string>>): Result<BootOrder> {
  if (!/^#!ipxe\s/.test(text)) return err('Exec format error: no #!ipxe');
  const variables = new Map(Object.entries(settings));
  const order: { kernel: string | undefined; args: string; initrds: string[] } = {
    kernel: undefined,
    args: '',
    initrds: [],
  };
  for (const words of commandsOf(text)) {
    const [verb = '', ...rest] = words.map((word) => expand(word, variables));
    const [first = '', ...args] = withoutOptions(rest);
    if (verb === 'exit' || verb === 'sanboot') return ok({ do: 'local-disk' });
    if (verb === 'chain') return ok({ do: 'chain', to: first });
    if (verb === 'set') variables.set(first, args.join(' '));
    if (verb === 'kernel') Object.assign(order, { kernel: first, args: args.join(' ') });
    if (verb === 'imgargs') order.args = args.join(' ');
    if (verb === 'initrd') order.initrds.push(first);
    if (verb === 'boot') break;
  }
  const { kernel, args, initrds } = order;
  return kernel === undefined
    ? err('the script names no kernel')
    : ok({ do: 'boot', kernel, initrds, dtb: undefined, args });
}

/** One list of words per command that runs; what follows `||` is for failures only. */
function commandsOf(text: string): readonly (readonly string[])[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => (line.split(/\s\|\|(?:\s|$)/)[0] ?? '').split(/\s&&\s/))
    .map((command) => command.split(/\s+/).filter((word) => word !== ''))
    .filter((words) => words.length > 0);
}

function expand(word: string, variables: ReadonlyMap<string, string>): string {
  return word.replace(/\$\{([^}]*)\}/g, (_, name: string) => variables.get(name) ?? '');
}

/** Drops iPXE's own options before the first plain word: `--name linux`, `--timeout 5000`, `--autofree`. */
function withoutOptions(words: readonly string[]): readonly string[] {
  const rest = [...words];
  while (rest[0]?.startsWith('-')) {
    const option = rest.shift() ?? '';
    if (['--name', '-n', '--timeout', '-t'].includes(option)) rest.shift();
  }
  return rest;
}
