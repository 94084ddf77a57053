import type { Sha256 } from '../core/address.ts';

/** A file somewhere else that shall become ours. */
export interface FetchOrder {
  /** `https:`, and `http:` where the configuration allows it; no name and password in it. */
  readonly url: string;
  /** What the octets must have; without one nothing is fetched. */
  readonly sha256: Sha256;
  readonly octetsMax: number;
}

/** Why nothing came: `bad-url`, `not-allowed` and `wrong-digest` are the orderer's, the others the world's. */
export type FetchErrorCode =
  'bad-url' | 'not-allowed' | 'unreachable' | 'bad-answer' | 'too-big' | 'too-slow' | 'wrong-digest';

/** A file could not be fetched; the message names the URL and the remedy. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly code: FetchErrorCode;
  constructor(code: FetchErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * The octets of a file in pieces. The iteration throws FetchError, `wrong-digest` after the last piece: whoever stores
 * the stream publishes it only when the iteration has ended well.
 */
export type FetchUrl = (order: FetchOrder) => AsyncIterable<Uint8Array>;
