import type { Mac } from './address.ts';
import type { Facts } from './facts.ts';

const STEM_LETTERS_MAX = 24;
const MET_NAME = /^new-[0-9a-f]{6}(-\d+)?$/;

/** The name of a machine of which only the MAC is known: `new-` and its last three octets. */
export function metName(mac: Mac, isTaken: (name: string) => boolean): string {
  const name = `new-${mac.slice(9).replaceAll(':', '')}`;
  return isTaken(name) ? numbered(name, isTaken) : name;
}

/** Whether a name is one that `metName` gave, so that nobody has chosen it. */
export function isMetName(name: string): boolean {
  return MET_NAME.test(name);
}

/** A name from what a machine is: its product or device-tree model and a number; nothing when facts name neither. */
export function factName(
  facts: Pick<Facts, 'product' | 'dtModel'>,
  isTaken: (name: string) => boolean,
): string | undefined {
  const stem = stemOf(facts.product ?? facts.dtModel ?? '');
  return stem === undefined ? undefined : numbered(stem, isTaken);
}

function stemOf(text: string): string | undefined {
  const slug = text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const cut = slug.length > STEM_LETTERS_MAX ? slug.slice(0, STEM_LETTERS_MAX).replace(/-[^-]*$/, '') : slug;
  const stem = cut.replace(/^-+|-+$/g, '');
  return stem === '' ? undefined : stem;
}

function numbered(stem: string, isTaken: (name: string) => boolean): string {
  let number = 1;
  while (isTaken(`${stem}-${String(number)}`)) number += 1;
  return `${stem}-${String(number)}`;
}
