import { OctetWriter } from '../cursor.ts';
import { FILE_OCTETS, HEADER_OCTETS, MAGIC_COOKIE, SNAME_OCTETS, type DhcpMessage } from './message.ts';
import { octetsOnWire, writeOption, type OptionToSend } from './option-field.ts';
import { OPT, octetsOfText } from './options.ts';

/** The smallest BOOTP message (RFC 1542 §2.1); old boot ROMs drop shorter ones. */
const BOOTP_OCTETS_MIN = 300;
/** IP and UDP headers, which option 57 and the 576 octets of RFC 2131 §2 include. */
const IP_UDP_OCTETS = 28;
/** The smallest maximum a client may have (RFC 2132 §9.10). */
const DATAGRAM_OCTETS_MIN = 576;
/** Larger claims (firmware says 65280) are cut to what Ethernet carries whole. */
const DATAGRAM_OCTETS_MAX = 1500;

const FILE_AT = HEADER_OCTETS - 4 - FILE_OCTETS;
const SNAME_AT = FILE_AT - SNAME_OCTETS;
const CHADDR_OCTETS = 16;

/** A message to send: everything of a message but the options, which come as a list in order of importance. */
export type MessageToSend = Omit<DhcpMessage, 'options'>;

/** How options are laid out. */
export interface Layout {
  /** What the client takes, as an IP datagram (`datagramOctetsMax`). */
  readonly datagramOctets: number;
  /** Whether unused `file` and `sname` may hold options (RFC 2132 §9.3); never in a NAK. */
  readonly mayOverload: boolean;
}

/** A datagram, and the codes of options that had no room in it. */
export interface Encoded {
  readonly octets: Uint8Array;
  readonly omitted: readonly number[];
}

/** The largest IP datagram for a client that said `maxMessageSize` (option 57), or nothing (RFC 2131 §2). */
export function datagramOctetsMax(maxMessageSize: number | undefined): number {
  return Math.min(Math.max(maxMessageSize ?? 0, DATAGRAM_OCTETS_MIN), DATAGRAM_OCTETS_MAX);
}

/**
 * Writes a message. Options keep their order; 82 goes last, into the options field only (RFC 3046 §2.2). What does not
 * fit goes whole into unused `file` and `sname` when that is allowed, else it is left out and named in `omitted`.
 */
export function encodeMessage(message: MessageToSend, options: readonly OptionToSend[], layout: Layout): Encoded {
  const room = layout.datagramOctets - IP_UDP_OCTETS - HEADER_OCTETS - 1;
  const plan = place(options, room, freeFields(message, layout));
  const length = Math.max(HEADER_OCTETS + plan.main.octets + 1, BOOTP_OCTETS_MIN);
  const octets = new Uint8Array(length);
  writeHeader(octets, message);
  let at = HEADER_OCTETS;
  for (const option of plan.main.options) at = writeOption(octets, at, option);
  octets[at] = OPT.end;
  for (const field of plan.fields) writeOverloaded(octets, field);
  return { octets, omitted: plan.omitted };
}

interface Field {
  readonly start: number;
  /** Its bit in option 52. */
  readonly bit: number;
  /** Octets left for options; END's place is taken off already. */
  room: number;
  readonly options: OptionToSend[];
}

interface Plan {
  readonly main: { readonly options: readonly OptionToSend[]; readonly octets: number };
  readonly fields: readonly Field[];
  readonly omitted: readonly number[];
}

function freeFields(message: MessageToSend, layout: Layout): readonly Field[] {
  if (!layout.mayOverload) return [];
  const file = { start: FILE_AT, bit: 1, room: FILE_OCTETS - 1, options: [] };
  const sname = { start: SNAME_AT, bit: 2, room: SNAME_OCTETS - 1, options: [] };
  return [...(message.file === '' ? [file] : []), ...(message.sname === '' ? [sname] : [])];
}

function place(options: readonly OptionToSend[], room: number, fields: readonly Field[]): Plan {
  const all = lastComes82(options);
  const octets = all.reduce((sum, option) => sum + (octetsOnWire(option) ?? room + 1), 0);
  if (octets <= room) return { main: { options: all, octets }, fields: [], omitted: [] };
  return placeTightly(all, room, fields);
}

function lastComes82(options: readonly OptionToSend[]): readonly OptionToSend[] {
  const relay = options.findIndex(([code]) => code === OPT.relayAgentInformation);
  if (relay < 0 || relay === options.length - 1) return options;
  return [...options.slice(0, relay), ...options.slice(relay + 1), ...options.slice(relay, relay + 1)];
}

function placeTightly(all: readonly OptionToSend[], room: number, fields: readonly Field[]): Plan {
  const relay = all.find(([code]) => code === OPT.relayAgentInformation);
  const relayOctets = relay ? octetsOnWire(relay) : undefined;
  const overloadOctets = fields.length > 0 ? 3 : 0;
  const keepsRelay = relay !== undefined && relayOctets !== undefined && relayOctets <= room / 2;
  const main: Field = { start: HEADER_OCTETS, bit: 0, room: room - overloadOctets, options: [] };
  if (keepsRelay) main.room -= relayOctets;
  const omitted: number[] = [];
  for (const option of all) if (option !== relay && !fitsSomewhere(option, main, fields)) omitted.push(option[0]);
  if (relay && !keepsRelay) omitted.push(relay[0]);
  const used = fields.filter((field) => field.options.length > 0);
  const bits = used.reduce((sum, field) => sum | field.bit, 0);
  const overload: OptionToSend[] = bits === 0 ? [] : [[OPT.overload, Uint8Array.of(bits)]];
  const [first, ...others] = main.options;
  const inMain = [...(first ? [first] : []), ...overload, ...others, ...(keepsRelay ? [relay] : [])];
  return {
    main: { options: inMain, octets: inMain.reduce((sum, option) => sum + (octetsOnWire(option) ?? 0), 0) },
    fields: used,
    omitted,
  };
}

function fitsSomewhere(option: OptionToSend, main: Field, fields: readonly Field[]): boolean {
  const octets = octetsOnWire(option);
  if (octets === undefined) return false;
  const field = [main, ...fields].find((each) => octets <= each.room);
  if (!field) return false;
  field.room -= octets;
  field.options.push(option);
  return true;
}

function writeOverloaded(octets: Uint8Array, field: Field): void {
  let at = field.start;
  for (const option of field.options) at = writeOption(octets, at, option);
  octets[at] = OPT.end;
}

/** Fields at their places; what is not written stays zero. Called for every reply, so it makes no arrays. */
function writeHeader(octets: Uint8Array, message: MessageToSend): void {
  const w = new OctetWriter(octets);
  w.u8(message.op);
  w.u8(message.htype);
  w.u8(message.hlen);
  w.u8(message.hops);
  w.u32(message.xid);
  w.u16(message.secs);
  w.u16(message.flags);
  w.u32(message.ciaddr);
  w.u32(message.yiaddr);
  w.u32(message.siaddr);
  w.u32(message.giaddr);
  w.bytes(message.chaddr.subarray(0, CHADDR_OCTETS));
  writeText(octets, SNAME_AT, message.sname, SNAME_OCTETS);
  writeText(octets, FILE_AT, message.file, FILE_OCTETS);
  new OctetWriter(octets.subarray(HEADER_OCTETS - 4)).u32(MAGIC_COOKIE);
}

/** A text field is always ended by a NUL; a longer text is the caller's fault and is left out whole, never cut. */
function writeText(octets: Uint8Array, at: number, text: string, fieldOctets: number): void {
  if (text !== '' && text.length < fieldOctets) octets.set(octetsOfText(text), at);
}
