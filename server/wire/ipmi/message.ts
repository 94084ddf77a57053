import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { octetAt } from './octets.ts';

/** Network functions of requests (IPMI 2.0 §5.1); a response's is one more. */
export const NET_FN = { chassis: 0x00, app: 0x06, transport: 0x0c } as const;
const BMC = 0x20;
/** The software id of remote console software (§5.5, table 5-4). */
const CONSOLE = 0x81;

/** A command to the BMC. */
export interface IpmiRequest {
  readonly netFn: number;
  readonly command: number;
  readonly data: Uint8Array;
}

/** A BMC's answer: `data` begins behind the completion code. */
export interface IpmiResponse {
  readonly netFn: number;
  readonly command: number;
  readonly completion: number;
  readonly data: Uint8Array;
}

/** Two's complement checksum: the octets and it add up to zero (§13.8). */
export function checksum(octets: Uint8Array): number {
  return -octets.reduce((sum, octet) => sum + octet, 0) & 255;
}

function framed(to: number, netFn: number, from: number, sequence: number, rest: Uint8Array): Uint8Array {
  const head = Uint8Array.of(to, netFn << 2);
  const body = joined([from, (sequence & 63) << 2], rest);
  return joined(head, [checksum(head)], body, [checksum(body)]);
}

/** A request as a LAN message (§13.8). `sequence` is its rqSeq, 0 to 63. */
export function encodeRequest(request: IpmiRequest, sequence: number): Uint8Array {
  return framed(BMC, request.netFn, CONSOLE, sequence, joined([request.command], request.data));
}

/** A controller behind the BMC: its channel, and its address there (§6.3, §5.5). */
export interface Hop {
  readonly channel: number;
  readonly address: number;
}

/** Send Message (§22.7): the BMC passes on what is inside, and remembers whom the answer is for. */
export const SEND_MESSAGE = 0x34;
const TRACKED = 0x40;
/** Hops of a double bridge. */
const HOPS_MAX = 2;

/**
 * A request to a controller behind the BMC, as a LAN message: each hop's message is inside the one before (§6.13). The
 * first hop is reached by the BMC itself, the last one is who shall obey.
 */
export function encodeBridged(request: IpmiRequest, route: readonly Hop[], sequence: number): Uint8Array {
  const { netFn, rest } = onward(request, route, sequence);
  return framed(BMC, netFn, CONSOLE, sequence, rest);
}

function onward(
  request: IpmiRequest,
  route: readonly Hop[],
  sequence: number,
): { readonly netFn: number; readonly rest: Uint8Array } {
  const [hop, ...later] = route;
  if (!hop) return { netFn: request.netFn, rest: joined([request.command], request.data) };
  const passed = onward(request, later, sequence);
  const inner = framed(hop.address, passed.netFn, BMC, sequence, passed.rest);
  return { netFn: NET_FN.app, rest: joined([SEND_MESSAGE, TRACKED | hop.channel], inner) };
}

/**
 * What an answer to a bridged request brings: the target's own answer, whether the BMC passes it on as a message or puts
 * it inside its answer to Send Message; a refusal of the BMC or of a hop; or only word that it was passed on.
 */
export function openBridged(
  response: IpmiResponse,
  hopsLeft = HOPS_MAX,
): { readonly is: 'answer' | 'refusal'; readonly response: IpmiResponse } | { readonly is: 'passed-on' } {
  if (response.command !== SEND_MESSAGE || response.netFn !== (NET_FN.app | 1)) return { is: 'answer', response };
  if (response.completion !== 0) return { is: 'refusal', response };
  const inner = hopsLeft > 0 ? decodeResponse(response.data) : undefined;
  return inner?.ok ? openBridged(inner.value.response, hopsLeft - 1) : { is: 'passed-on' };
}

/** The BMC's side: a response as a LAN message. */
export function encodeResponse(response: IpmiResponse, sequence: number): Uint8Array {
  const rest = joined([response.command, response.completion], response.data);
  return framed(CONSOLE, response.netFn, BMC, sequence, rest);
}

interface Frame {
  readonly netFn: number;
  readonly sequence: number;
  readonly command: number;
  readonly rest: Uint8Array;
}

function unframed(octets: Uint8Array, atLeast: number): Result<Frame> {
  if (octets.length < atLeast) return err(`short IPMI message: ${octets.length} octets`);
  if (checksum(octets.subarray(0, 3)) !== 0) return err('header checksum does not add up');
  if (checksum(octets.subarray(3)) !== 0) return err('data checksum does not add up');
  return ok({
    netFn: octetAt(octets, 1) >> 2,
    sequence: octetAt(octets, 4) >> 2,
    command: octetAt(octets, 5),
    rest: octets.subarray(6, -1),
  });
}

/** Reads a request. Hostile octets give a reason, never an exception. */
export function decodeRequest(octets: Uint8Array): Result<{ request: IpmiRequest; sequence: number }> {
  const frame = unframed(octets, 7);
  if (!frame.ok) return frame;
  const { netFn, command, rest, sequence } = frame.value;
  if ((netFn & 1) !== 0) return err(`network function ${netFn} is a response's`);
  return ok({ request: { netFn, command, data: rest }, sequence });
}

/** Reads a response. Hostile octets give a reason, never an exception. */
export function decodeResponse(octets: Uint8Array): Result<{ response: IpmiResponse; sequence: number }> {
  const frame = unframed(octets, 8);
  if (!frame.ok) return frame;
  const { netFn, command, rest, sequence } = frame.value;
  if ((netFn & 1) !== 1) return err(`network function ${netFn} is a request's`);
  return ok({ response: { netFn, command, completion: octetAt(rest, 0), data: rest.subarray(1) }, sequence });
}
