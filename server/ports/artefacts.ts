import type { Sha256 } from '../core/address.ts';
import type { Artefact } from '../core/bundle.ts';

/** The octets of one immutable thing to serve. Whoever opens it closes it. */
export interface Content {
  readonly octets: number;
  readonly sha256: Sha256;
  /** All of it, when it is small or hot enough to be held in memory; shared, never written to. */
  readonly whole: Uint8Array | undefined;
  /** Octets from `at`; fewer only at the end. Throws when the file under it has failed. */
  read(at: number, octets: number): Promise<Uint8Array>;
  close(): void;
}

/** A content that is held in memory whole. */
export function contentInMemory(sha256: Sha256, whole: Uint8Array): Content {
  return {
    octets: whole.length,
    sha256,
    whole,
    read: (at, octets) => Promise.resolve(whole.subarray(at, at + octets)),
    close: () => undefined,
  };
}

/** The content-addressed folder of kernels, initrds and DTBs. Nothing in it is ever changed in place. */
export interface Artefacts {
  /** Stores a stream; publishes it by atomic rename after fsync. The same content twice is one file. */
  put(name: string, source: AsyncIterable<Uint8Array>, octetsMax: number): Promise<Artefact>;
  /** Opens by digest; nothing when it is not there. */
  open(sha256: Sha256): Promise<Content | undefined>;
  /** Finds the one artefact whose digest begins so (at least 16 digits); nothing when there is none, or two. */
  find(sha256Start: string): Promise<Sha256 | undefined>;
  has(sha256: Sha256): Promise<boolean>;
}

/** Looks at files without taking them into memory. */
export interface ArtefactHeads {
  /** The first octets of a file, fewer where it is shorter; nothing when it is not there. */
  head(sha256: Sha256, octets: number): Promise<Uint8Array | undefined>;
}
