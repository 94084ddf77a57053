/** What part of a representation a request wants; both ends are included. */
export type ByteRange =
  | { readonly is: 'whole' }
  | { readonly is: 'part'; readonly first: number; readonly last: number }
  | { readonly is: 'unsatisfiable' };

/**
 * Reads a Range header against a size in octets (RFC 9110 §14.1.2). Several ranges, other units and what cannot be read
 * are ignored, as the RFC allows: the answer is then the whole.
 */
export function readRange(header: string | undefined, octets: number): ByteRange {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? '');
  const [, from = '', to = ''] = match ?? [];
  if (from === '' && to === '') return { is: 'whole' };
  if (from === '') return suffix(Number(to), octets);
  const [first, last] = [Number(from), to === '' ? octets - 1 : Math.min(Number(to), octets - 1)];
  if (to !== '' && Number(to) < first) return { is: 'whole' };
  return first < octets ? { is: 'part', first, last } : { is: 'unsatisfiable' };
}

function suffix(count: number, octets: number): ByteRange {
  if (count === 0 || octets === 0) return { is: 'unsatisfiable' };
  return { is: 'part', first: Math.max(0, octets - count), last: octets - 1 };
}

/** Whether an entity tag list (If-None-Match) names this strong tag, weakly compared (RFC 9110 §13.1.2). */
export function namesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
