import type { FileHandle } from 'node:fs/promises';
import type { Sha256 } from '../core/address.ts';
import type { Content } from '../ports/artefacts.ts';
import { ArtefactError } from './artefact-error.ts';

/** Octets of one read: a quarter of the CPU of the 64 KiB that streams take. */
const PIECE_OCTETS = 1024 * 1024;

/** A content read from an open file, which it then owns. What is removed or replaced on disk is still served as it was. */
export function contentOnDisk(sha256: Sha256, octets: number, handle: FileHandle): Content {
  return {
    octets,
    sha256,
    whole: undefined,
    read: (at, count) => readExactly(handle, at, Math.max(0, Math.min(count, octets - at))),
    close: () => {
      // A failing close of a file that was only read has nothing to tell.
      handle.close().catch(() => undefined);
    },
  };
}

/** A file's first `octets` in pieces, so that no read stops the event loop for long. @throws ArtefactError */
export async function* readPieces(handle: FileHandle, octets: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets; at += PIECE_OCTETS)
    yield await readExactly(handle, at, Math.min(PIECE_OCTETS, octets - at));
}

async function readExactly(handle: FileHandle, at: number, octets: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(octets);
  let filled = 0;
  while (filled < octets) {
    const { bytesRead } = await handle.read(buffer, filled, octets - filled, at + filled);
    if (bytesRead === 0) throw new ArtefactError('damaged', `the file ends at ${at + filled}; it has been cut`);
    filled += bytesRead;
  }
  return buffer;
}
