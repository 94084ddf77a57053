import { err, ok, type Result } from '../../server/core/result.ts';
import type { BootOrder } from './boot-order.ts';

/**
 * Reads a GRUB configuration as far as a network boot needs it: `set`, `linux`, `initrd`, `devicetree`, `exit`, with
 * or without a `menuentry` around them (the first entry counts). Quotes and backslashes as GRUB's shell reads them.
 */
export function parseGrubCfg(text: string): Result<BootOrder> {
  const variables = new Map<string, string>();
  let order: { kernel: string; args: string; initrds: readonly string[]; dtb: string | undefined } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [verb = '', ...words] = wordsOf(line, variables);
    if (verb === '}' && order) break;
    if (verb === 'exit' && !order) return ok({ do: 'local-disk' });
    const [first = '', ...rest] = words;
    if (verb === 'set') assign(variables, first);
    else if (verb === 'linux' || verb === 'linuxefi')
      order = { kernel: pathOf(first), args: rest.join(' '), initrds: [], dtb: undefined };
    else if (order && (verb === 'initrd' || verb === 'initrdefi')) order.initrds = words.map(pathOf);
    else if (order && verb === 'devicetree') order.dtb = pathOf(first);
  }
  return order ? ok({ do: 'boot', ...order }) : err('the configuration names no kernel');
}

function assign(variables: Map<string, string>, text: string): void {
  const at = text.indexOf('=');
  if (at > 0) variables.set(text.slice(0, at), text.slice(at + 1));
}

/** `(tftp)/boot/x` and `(http,10.77.0.1)/boot/x` name a device first; the path is what the server sees. */
function pathOf(text: string): string {
  return text.replace(/^\([^)]*\)/, '');
}

function wordsOf(line: string, variables: ReadonlyMap<string, string>): readonly string[] {
  const found = line.matchAll(/#.*$|(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g);
  return [...found]
    .map(([text]) => text)
    .filter((text) => !text.startsWith('#'))
    .map((text) => unquote(text, variables));
}

function unquote(text: string, variables: ReadonlyMap<string, string>): string {
  const pattern = /'([^']*)'|\\(.)|\$\{(\w+)\}|\$(\w+)|"/g;
  return text.replace(pattern, (_, single?: string, plain?: string, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    return name === undefined ? (single ?? plain ?? '') : (variables.get(name) ?? '');
  });
}
