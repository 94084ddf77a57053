import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { octetAt, readU32le, u32le } from './octets.ts';
import { SUITES, type CipherSuite } from './suite.ts';

/** Privilege levels (IPMI 2.0 §6.8). */
export const PRIVILEGE = { user: 2, operator: 3, administrator: 4 } as const;

/** RMCP+ Open Session Request (§13.17). */
export interface OpenRequest {
  readonly tag: number;
  readonly privilege: number;
  readonly consoleId: number;
  /** Nothing: the console proposed algorithms that make none of our suites. */
  readonly suite: CipherSuite | undefined;
}

/** RMCP+ Open Session Response (§13.18). A refusal carries the status only. */
export type OpenResponse =
  | {
      readonly tag: number;
      readonly status: 0;
      readonly consoleId: number;
      readonly bmcId: number;
      readonly suite: CipherSuite | undefined;
    }
  | { readonly tag: number; readonly status: number; readonly consoleId: number; readonly bmcId: undefined };

function algorithms(suite: CipherSuite): Uint8Array {
  const { authentication, integrity, confidentiality } = suite;
  return joined(
    [0, 0, 0, 8, authentication, 0, 0, 0],
    [1, 0, 0, 8, integrity, 0, 0, 0],
    [2, 0, 0, 8, confidentiality, 0, 0, 0],
  );
}

function suiteOf(octets: Uint8Array): CipherSuite | undefined {
  const [authentication, integrity, confidentiality] = [4, 12, 20].map((at) => octetAt(octets, at) & 63);
  return SUITES.find(
    (suite) =>
      suite.authentication === authentication &&
      suite.integrity === integrity &&
      suite.confidentiality === confidentiality,
  );
}

/** The console's proposal of one suite. */
export function encodeOpenRequest(request: OpenRequest & { readonly suite: CipherSuite }): Uint8Array {
  return joined([request.tag, request.privilege, 0, 0], u32le(request.consoleId), algorithms(request.suite));
}

/** Reads a proposal, at the BMC. */
export function decodeOpenRequest(octets: Uint8Array): Result<OpenRequest> {
  if (octets.length < 32) return err(`short Open Session Request: ${octets.length} octets`);
  return ok({
    tag: octetAt(octets, 0),
    privilege: octetAt(octets, 1) & 15,
    consoleId: readU32le(octets, 4),
    suite: suiteOf(octets.subarray(8)),
  });
}

/** The BMC's consent. */
export function encodeOpenResponse(
  tag: number,
  ids: { readonly consoleId: number; readonly bmcId: number },
  privilege: number,
  suite: CipherSuite,
): Uint8Array {
  return joined([tag, 0, privilege, 0], u32le(ids.consoleId), u32le(ids.bmcId), algorithms(suite));
}

/** The BMC's refusal, which ends behind the console's session id. */
export function encodeOpenRefusal(tag: number, status: number, consoleId: number): Uint8Array {
  return joined([tag, status, 0, 0], u32le(consoleId));
}

/** Reads the answer. */
export function decodeOpenResponse(octets: Uint8Array): Result<OpenResponse> {
  // Refusals come in 8 octets by the book; some BMCs send fewer, so two will do.
  if (octets.length < 2) return err(`short Open Session Response: ${octets.length} octets`);
  const [tag, status, consoleId] = [octetAt(octets, 0), octetAt(octets, 1), readU32le(octets, 4)];
  if (status !== 0) return ok({ tag, status, consoleId, bmcId: undefined });
  if (octets.length < 36) return err(`short Open Session Response: ${octets.length} octets`);
  const suite = suiteOf(octets.subarray(12));
  return ok({ tag, status: 0, consoleId, bmcId: readU32le(octets, 8), suite });
}
