import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseSha256, type Sha256 } from '../core/address.ts';
import type { Artefact } from '../core/bundle.ts';
import { contentInMemory, type ArtefactHeads, type Artefacts, type Content } from '../ports/artefacts.ts';
import type { Clock } from '../ports/clock.ts';
import { ArtefactError } from './artefact-error.ts';
import { contentOnDisk, readPieces } from './content.ts';
import { HotFiles } from './hot-files.ts';

/** Where the folder is and how much of it may be held in memory. */
export interface ArtefactFolderOptions {
  /** The artefacts live in `artefacts/` below it. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** Octets of hot files held in memory, all together; 256 MiB unless said. */
  readonly hotOctetsMax?: number;
}

const HOT_OCTETS_MAX = 256 * 1024 * 1024;
/** Prefix of the folders in which files are written before they have a name. */
const INCOMING = 'incoming-';
/** Remains of a program that was killed while it stored something; another program may still be writing a younger one. */
const INCOMING_STALE_MS = 24 * 3600 * 1000;

/**
 * Opens the folder of artefacts, making it when it is not there, and clears what crashed writers left behind.
 * @throws ArtefactError when it cannot be made or read
 */
export async function openArtefactFolder(options: ArtefactFolderOptions): Promise<Artefacts & ArtefactHeads> {
  const root = join(options.dataDir, 'artefacts');
  await mkdir(root, { recursive: true }).catch((error: unknown) => {
    throw new ArtefactError('unwritable', `${root} cannot be made; give the service user the data folder`, error);
  });
  await clearStale(root, options.clock);
  return new ArtefactFolder(root, new HotFiles(options.hotOctetsMax ?? HOT_OCTETS_MAX));
}

async function clearStale(root: string, clock: Clock): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(INCOMING)) continue;
    const { mtimeMs } = await stat(join(root, name));
    if (clock.now() - mtimeMs > INCOMING_STALE_MS) await rm(join(root, name), { recursive: true, force: true });
  }
}

class ArtefactFolder implements Artefacts, ArtefactHeads {
  readonly #root: string;
  readonly #hot: HotFiles;

  constructor(root: string, hot: HotFiles) {
    this.#root = root;
    this.#hot = hot;
  }

  async put(name: string, source: AsyncIterable<Uint8Array>, octetsMax: number): Promise<Artefact> {
    const incoming = await mkdtemp(join(this.#root, INCOMING));
    try {
      const path = join(incoming, 'file');
      const { sha256, octets } = await writeDown(name, path, source, octetsMax);
      if ((await this.#octetsOf(sha256)) !== octets) await this.#publish(path, sha256);
      return { name, sha256, octets };
    } finally {
      await rm(incoming, { recursive: true, force: true });
    }
  }

  async open(sha256: Sha256): Promise<Content | undefined> {
    const whole = this.#hot.get(sha256);
    if (whole) return contentInMemory(sha256, await whole);
    const handle = await this.#handle(sha256);
    if (!handle) return undefined;
    return this.#take(sha256, handle).catch(async (error: unknown) => {
      await handle.close();
      throw error;
    });
  }

  async head(sha256: Sha256, octets: number): Promise<Uint8Array | undefined> {
    const handle = await this.#handle(sha256);
    if (!handle) return undefined;
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(octets), 0, octets, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  async find(sha256Start: string): Promise<Sha256 | undefined> {
    if (!/^[0-9a-f]{16,64}$/.test(sha256Start)) return undefined;
    const names = await readdir(join(this.#root, sha256Start.slice(0, 2))).catch(() => []);
    const found = names.filter((name) => name.startsWith(sha256Start)).map(parseSha256);
    const [first, second] = found;
    return first?.ok && !second ? first.value : undefined;
  }

  async has(sha256: Sha256): Promise<boolean> {
    return (await this.#octetsOf(sha256)) !== undefined;
  }

  /** Takes the file over: into memory when it fits there, else kept open. */
  async #take(sha256: Sha256, handle: FileHandle): Promise<Content> {
    const found = await handle.stat();
    if (!found.isFile()) throw new ArtefactError('damaged', `${this.#pathOf(sha256)} is not a regular file; remove it`);
    if (!this.#hot.fits(found.size)) return contentOnDisk(sha256, found.size, handle);
    const whole = await this.#hot.load(sha256, found.size, () => this.#readWhole(sha256, found.size, handle));
    await handle.close();
    return contentInMemory(sha256, whole);
  }

  async #readWhole(sha256: Sha256, octets: number, handle: FileHandle): Promise<Uint8Array> {
    const whole = Buffer.allocUnsafeSlow(octets);
    const hash = createHash('sha256');
    let at = 0;
    for await (const piece of readPieces(handle, octets)) {
      whole.set(piece, at);
      hash.update(piece);
      at += piece.length;
    }
    if (hash.digest('hex') === sha256) return whole;
    throw new ArtefactError(
      'damaged',
      `${this.#pathOf(sha256)} no longer has its digest; remove it and import it again`,
    );
  }

  async #handle(sha256: Sha256): Promise<FileHandle | undefined> {
    try {
      return await open(this.#pathOf(sha256), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new ArtefactError('unreadable', `${this.#pathOf(sha256)} cannot be opened`, error);
    }
  }

  async #octetsOf(sha256: Sha256): Promise<number | undefined> {
    const handle = await this.#handle(sha256);
    if (!handle) return undefined;
    try {
      const found = await handle.stat();
      return found.isFile() ? found.size : undefined;
    } finally {
      await handle.close();
    }
  }

  /** The rename makes it visible whole or not at all; the folder is synced so that power loss does not undo it. */
  async #publish(path: string, sha256: Sha256): Promise<void> {
    const to = this.#pathOf(sha256);
    await mkdir(dirname(to), { recursive: true });
    await rename(path, to);
    await syncFolder(dirname(to));
    await syncFolder(this.#root);
  }

  #pathOf(sha256: Sha256): string {
    return join(this.#root, sha256.slice(0, 2), sha256);
  }
}

async function writeDown(
  name: string,
  path: string,
  source: AsyncIterable<Uint8Array>,
  octetsMax: number,
): Promise<{ readonly sha256: Sha256; readonly octets: number }> {
  const handle = await open(path, 'wx', 0o444);
  try {
    const hash = createHash('sha256');
    let octets = 0;
    for await (const piece of source) {
      octets += piece.length;
      if (octets > octetsMax) throw new ArtefactError('too-big', `"${name}" is larger than ${octetsMax} octets`);
      hash.update(piece);
      await handle.writeFile(piece);
    }
    await handle.sync();
    const sha256 = parseSha256(hash.digest('hex'));
    if (!sha256.ok) throw new Error(sha256.error);
    return { sha256: sha256.value, octets };
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
