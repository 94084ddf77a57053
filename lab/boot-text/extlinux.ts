import { err, ok, type Result } from '../../server/core/result.ts';
import type { BootOrder } from './boot-order.ts';

interface Label {
  readonly name: string;
  readonly words: ReadonlyMap<string, string>;
}

/** What u-boot adds to the arguments when a label says `ipappend`: bit 1 the addresses, bit 2 the MAC. */
export interface IpAppend {
  readonly ip: string;
  readonly bootif: string;
}

/**
 * Reads an extlinux configuration as u-boot's `pxe boot` does: the `default` label, else the first one. Keywords in
 * either case, one a line; what follows `append` is kept as written.
 */
export function parseExtlinux(text: string, append: IpAppend): Result<BootOrder> {
  const { wanted, labels } = split(text);
  const label = labels.find((each) => each.name === wanted) ?? labels[0];
  if (!label) return err('the configuration has no label');
  if (label.words.has('localboot')) return ok({ do: 'local-disk' });
  const kernel = label.words.get('kernel') ?? label.words.get('linux');
  if (!kernel) return err(`label "${label.name}" names no kernel`);
  const initrd = label.words.get('initrd');
  const bits = Number(label.words.get('ipappend') ?? '0');
  const extra = [(bits & 1) === 0 ? '' : append.ip, (bits & 2) === 0 ? '' : append.bootif];
  return ok({
    do: 'boot',
    kernel,
    initrds: initrd?.split(',') ?? [],
    dtb: label.words.get('fdt') ?? label.words.get('devicetree'),
    args: [label.words.get('append') ?? '', ...extra].filter((part) => part !== '').join(' '),
  });
}

function split(text: string): { wanted: string | undefined; labels: readonly Label[] } {
  const labels: { name: string; words: Map<string, string> }[] = [];
  let wanted: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, keyword = '', rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    const word = keyword.toLowerCase();
    if (word === '' || word.startsWith('#')) continue;
    if (word === 'label') labels.push({ name: rest, words: new Map() });
    else if (word === 'default') wanted = rest;
    else labels.at(-1)?.words.set(word, rest);
  }
  return { wanted, labels };
}
