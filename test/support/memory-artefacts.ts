import { createHash } from 'node:crypto';
import { parseSha256, type Sha256 } from '../../server/core/address.ts';
import { contentInMemory, type Artefacts } from '../../server/ports/artefacts.ts';

/** An artefact folder that forgets at the end of the test; `files` is what lies in it. */
export function createMemoryArtefacts(): Artefacts & { readonly files: Map<Sha256, Uint8Array> } {
  const files = new Map<Sha256, Uint8Array>();
  return {
    files,
    put: async (name, source) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of source) pieces.push(piece);
      const whole = Buffer.concat(pieces);
      const sha256 = parseSha256(createHash('sha256').update(whole).digest('hex'));
      if (!sha256.ok) throw new Error(sha256.error);
      files.set(sha256.value, whole);
      return { name, sha256: sha256.value, octets: whole.length };
    },
    open: (sha256) => {
      const whole = files.get(sha256);
      return Promise.resolve(whole && contentInMemory(sha256, whole));
    },
    find: (start) => Promise.resolve([...files.keys()].find((each) => each.startsWith(start))),
    has: (sha256) => Promise.resolve(files.has(sha256)),
  };
}
