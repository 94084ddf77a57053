import { readFileSync } from 'node:fs';

/** One datagram of a captured conversation. */
export interface GoldenDatagram {
  readonly toBmc: boolean;
  readonly octets: Uint8Array;
}

/** The datagrams of `test/golden/ipmi/<name>.hex` in order. */
export function goldenConversation(name: string): readonly GoldenDatagram[] {
  const text = readFileSync(new URL(`../golden/ipmi/${name}.hex`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => /^[<>] /.test(line))
    .map((line) => ({ toBmc: line.startsWith('>'), octets: Uint8Array.from(Buffer.from(line.slice(2), 'hex')) }));
}

/** Octets from hexadecimal digits; blanks are for the eye. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
}

/** Hexadecimal digits of octets. */
export function toHex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
