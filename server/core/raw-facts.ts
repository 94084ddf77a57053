/** What an agent sends: section name to text. A name that ends in `.b64` holds base64 (RFC 4648 §4) of any octets. */
export type RawFacts = Readonly<Record<string, string>>;

const SECTION_LETTERS_MAX = 1 << 18;
const TEXT_LETTERS_MAX = 120;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** A section's text; empty when it was not sent. */
export function sectionOf(raw: RawFacts, name: string): string {
  const packed = Object.hasOwn(raw, `${name}.b64`) ? raw[`${name}.b64`] : undefined;
  if (packed !== undefined) return new TextDecoder().decode(octetsOfBase64(packed.slice(0, SECTION_LETTERS_MAX)));
  return (Object.hasOwn(raw, name) ? (raw[name] ?? '') : '').slice(0, SECTION_LETTERS_MAX);
}

/** A section's lines. */
export function linesOf(raw: RawFacts, name: string): readonly string[] {
  return sectionOf(raw, name).split('\n');
}

/** The lines of a section that were written as `path:value`, as pairs. */
export function filesOf(raw: RawFacts, name: string): readonly (readonly [path: string, value: string])[] {
  return linesOf(raw, name).flatMap((line) => {
    // Network and disk names hold no colon, USB and PCI paths are not among the sections.
    const at = line.indexOf(':');
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
  });
}

/** Text fit for a page and a log: no control or direction characters, single blanks, at most 120 letters; or nothing. */
export function plainText(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const clean = text
    .slice(0, 8 * TEXT_LETTERS_MAX)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Z}]+/gu, ' ')
    .trim();
  const cut = Array.from(clean).slice(0, TEXT_LETTERS_MAX).join('').trim();
  return cut === '' ? undefined : cut;
}

/** Octets of base64; letters outside its alphabet are passed over, for a damaged value shall cost no more than itself. */
export function octetsOfBase64(text: string): Uint8Array {
  const octets: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const digit = DIGITS.indexOf(letter);
    if (digit < 0) continue;
    bits = ((bits << 6) | digit) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    octets.push((bits >> held) & 0xff);
  }
  return Uint8Array.from(octets);
}
