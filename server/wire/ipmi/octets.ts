/** Two octets, least significant first: IPMI counts that way, unlike the Internet. */
export function u16le(value: number): readonly number[] {
  return [value & 255, (value >>> 8) & 255];
}

/** Four octets, least significant first. */
export function u32le(value: number): readonly number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
}

/** One octet; 0 behind the end, so callers compare lengths first. */
export function octetAt(octets: Uint8Array, at: number): number {
  return octets[at] ?? 0;
}

/** Reads two octets, least significant first. */
export function readU16le(octets: Uint8Array, at: number): number {
  return octetAt(octets, at) | (octetAt(octets, at + 1) << 8);
}

/** Reads four octets, least significant first, as an unsigned number. */
export function readU32le(octets: Uint8Array, at: number): number {
  return (readU16le(octets, at) | (readU16le(octets, at + 2) << 16)) >>> 0;
}

/** Latin-1 octets of a name or password; characters beyond U+00FF lose their upper bits, so check before. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 255);
}

/** The text behind Latin-1 octets. */
export function fromLatin1(octets: Uint8Array): string {
  return Array.from(octets, (octet) => String.fromCharCode(octet)).join('');
}
