import type { BoardRow } from './board-file.ts';
import { warning, type Fault } from './lint-fault.ts';

/** Facts that need a source, and the words by which a source speaks of them. */
const SPOKEN: readonly (readonly [keyof BoardRow, RegExp])[] = [
  ['compatible', /compatible|tree/i],
  ['loaders', /extlinux|octets|argument|limit|cbsize|loader/i],
  ['console', /console|serial|uart/i],
  ['earlycon', /earlycon|console|serial|uart/i],
  ['loadAddresses', /address|_addr/i],
  ['kernelFormat', /kernel|image/i],
  ['kernelArgs', /kernel|argument|console/i],
  ['kernelArgOctetsMax', /kernel|octets/i],
  ['tftp', /tftp|blksize|window/i],
  ['powerOffS', /power|\boff\b/i],
  ['hasBmc', /bmc|ipmi/i],
  ['overlays', /overlay/i],
];

/** Formats every board of an architecture takes: nobody needs a source for them. */
const PLAIN_FORMATS: ReadonlySet<string> = new Set(['Image', 'zImage', 'bzImage']);

/** Facts that no line of `sources` speaks of. What another board lends has its source there. */
export function faultsOfSources(own: BoardRow): readonly Fault[] {
  const words = (own.sources ?? []).join('\n');
  return SPOKEN.filter(([field, spoken]) => needsSource(own, field) && !spoken.test(words)).map(([field]) =>
    warning([field], `no source speaks of ${field}`, 'say under sources: where it was measured or read'),
  );
}

function needsSource(own: BoardRow, field: keyof BoardRow): boolean {
  if (own[field] === undefined || own[field] === false) return false;
  return field !== 'kernelFormat' || !(own.kernelFormat !== undefined && PLAIN_FORMATS.has(own.kernelFormat));
}
