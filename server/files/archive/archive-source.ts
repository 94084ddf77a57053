import { open } from 'node:fs/promises';

/** An archive that can be read from anywhere: a file on this host, or a stored artefact. */
export interface ArchiveSource {
  /** For messages. */
  readonly name: string;
  readonly octets: number;
  /** Octets from `at`; fewer only at the end. */
  read(at: number, octets: number): Promise<Uint8Array>;
}

const PIECE_OCTETS = 1 << 20;

/** The octets of a source from `at` on, `octets` of them at most, in pieces. */
export async function* piecesOf(
  source: Pick<ArchiveSource, 'octets' | 'read'>,
  at = 0,
  octets = source.octets,
): AsyncGenerator<Uint8Array> {
  const end = Math.min(source.octets, at + octets);
  for (let here = at; here < end;) {
    const piece = await source.read(here, Math.min(PIECE_OCTETS, end - here));
    if (piece.length === 0) return;
    here += piece.length;
    yield piece;
  }
}

/** Opens a file of this host for the length of a job. */
export async function withFile<T>(path: string, job: (source: ArchiveSource) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const read = async (at: number, octets: number): Promise<Uint8Array> => {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(octets), 0, octets, at);
      return buffer.subarray(0, bytesRead);
    };
    return await job({ name: path, octets: size, read });
  } finally {
    await file.close();
  }
}
