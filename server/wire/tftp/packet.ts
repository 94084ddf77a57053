import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';

/** Option names in lower case with their values as text, in the order they came (RFC 2347). */
export type TftpOptions = ReadonlyMap<string, string>;

/** One TFTP packet (RFC 1350 §5, RFC 2347). Block numbers are as on the wire: 16 bits. */
export type TftpPacket =
  | {
      readonly op: 'RRQ' | 'WRQ';
      /** The name as octets; what they may be is another module's business. */
      readonly filename: Uint8Array;
      /** In lower case. */
      readonly mode: string;
      readonly options: TftpOptions;
    }
  | { readonly op: 'DATA'; readonly block: number; readonly data: Uint8Array }
  | { readonly op: 'ACK'; readonly block: number }
  | { readonly op: 'ERROR'; readonly code: number; readonly message: string }
  | { readonly op: 'OACK'; readonly options: TftpOptions };

/** The error codes Farrier sends (RFC 1350 §5, RFC 2347). */
export const TFTP_ERROR = {
  undefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTid: 5,
  optionsRefused: 8,
} as const;

/** Octets of a request, at most (RFC 2347): longer ones are refused. */
const REQUEST_OCTETS_MAX = 512;
/** Octets before the data of a DATA packet. */
export const DATA_HEADER_OCTETS = 4;

const OPCODE = { RRQ: 1, WRQ: 2, DATA: 3, ACK: 4, ERROR: 5, OACK: 6 } as const;

/** Reads a packet. Hostile octets give a reason, never an exception. */
export function decodePacket(octets: Uint8Array): Result<TftpPacket> {
  const opcode = u16(octets, 0);
  if (opcode === undefined) return err(`${octets.length} octets are no packet`);
  switch (opcode) {
    case OPCODE.RRQ:
      return decodeRequest('RRQ', octets);
    case OPCODE.WRQ:
      return decodeRequest('WRQ', octets);
    case OPCODE.DATA:
      return withNumber(octets, (block) => ({ op: 'DATA', block, data: octets.subarray(DATA_HEADER_OCTETS) }));
    case OPCODE.ACK:
      return withNumber(octets, (block) => ({ op: 'ACK', block }));
    case OPCODE.ERROR:
      return withNumber(octets, (code) => ({ op: 'ERROR', code, message: textOf(upToNul(octets, 4)) }));
    case OPCODE.OACK:
      return ok({ op: 'OACK', options: optionsOf(stringsFrom(octets, 2)) });
    default:
      return err(`opcode ${opcode} is not TFTP's`);
  }
}

function decodeRequest(op: 'RRQ' | 'WRQ', octets: Uint8Array): Result<TftpPacket> {
  if (octets.length > REQUEST_OCTETS_MAX) return err(`a request of ${octets.length} octets is too long`);
  const [filename, mode, ...rest] = stringsFrom(octets, 2);
  if (!filename || !mode) return err('a request needs a name and a mode, each ended by NUL');
  return ok({ op, filename, mode: textOf(mode).toLowerCase(), options: optionsOf(rest) });
}

function withNumber(octets: Uint8Array, make: (value: number) => TftpPacket): Result<TftpPacket> {
  const value = u16(octets, 2);
  return value === undefined ? err(`${octets.length} octets end inside the header`) : ok(make(value));
}

/** A read request, as a client sends it. */
export function encodeReadRequest(filename: Uint8Array, mode: string, options: TftpOptions): Uint8Array {
  return joined([0, OPCODE.RRQ], filename, [0], text(mode), ...pairs(options));
}

/** DATA with its block number, cut to 16 bits. */
export function encodeData(block: number, data: Uint8Array): Uint8Array {
  const packet = new Uint8Array(DATA_HEADER_OCTETS + data.length);
  writeDataHeader(packet, 0, block);
  packet.set(data, DATA_HEADER_OCTETS);
  return packet;
}

/** Writes the four octets that begin a DATA packet at `at`; the block number is cut to 16 bits. */
export function writeDataHeader(into: Uint8Array, at: number, block: number): void {
  into[at] = 0;
  into[at + 1] = OPCODE.DATA;
  into[at + 2] = block >>> 8;
  into[at + 3] = block;
}

/** ACK of a block number, cut to 16 bits. */
export function encodeAck(block: number): Uint8Array {
  return Uint8Array.of(0, OPCODE.ACK, block >>> 8, block);
}

/** ERROR with a text for people; the text must not hold a local path. */
export function encodeError(code: number, message: string): Uint8Array {
  return joined([0, OPCODE.ERROR, code >>> 8, code], text(message));
}

/** OACK of the options agreed. */
export function encodeOack(options: TftpOptions): Uint8Array {
  return joined([0, OPCODE.OACK], ...pairs(options));
}

function pairs(options: TftpOptions): readonly Uint8Array[] {
  return [...options].flatMap(([name, value]) => [text(name), text(value)]);
}

/** Text as octets with the closing NUL. */
function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function u16(octets: Uint8Array, at: number): number | undefined {
  const [high, low] = [octets[at], octets[at + 1]];
  return high === undefined || low === undefined ? undefined : high * 256 + low;
}

function upToNul(octets: Uint8Array, from: number): Uint8Array {
  const end = octets.indexOf(0, from);
  return octets.subarray(from, end === -1 ? octets.length : end);
}

/** The NUL-terminated strings from `at`; what is left after the last NUL is no string. */
function stringsFrom(octets: Uint8Array, at: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let end = octets.indexOf(0, at); end !== -1; end = octets.indexOf(0, at)) {
    found.push(octets.subarray(at, end));
    at = end + 1;
  }
  return found;
}

/** Names and values by turns; of an option that comes twice the first counts, a name without a value is dropped. */
function optionsOf(strings: readonly Uint8Array[]): TftpOptions {
  const options = new Map<string, string>();
  for (let i = 0; i + 1 < strings.length; i += 2) {
    const [name, value] = [strings[i], strings[i + 1]];
    if (!name || !value || name.length === 0) continue;
    const key = textOf(name).toLowerCase();
    if (!options.has(key)) options.set(key, textOf(value));
  }
  return options;
}

/** Octets as characters one to one; control octets become `?`, for the text ends in logs. */
function textOf(octets: Uint8Array): string {
  return Array.from(octets, (octet) => (octet < 32 || octet > 126 ? '?' : String.fromCharCode(octet))).join('');
}
