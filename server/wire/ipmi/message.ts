import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { octetAt } from './octets.ts';

/** Network functions of requests (IPMI 2.0 §5.1); a response's is one more. */
export const NET_FN = { chassis: 0x00, app: 0x06 } as const;
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
