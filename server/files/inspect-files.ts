import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parseSha256, type Sha256 } from '../core/address.ts';
import type { Arch } from '../core/arch.ts';
import type { BootServed, FileFault } from '../core/boot-verdict.ts';
import type { Content } from '../ports/artefacts.ts';
import type { Boards } from '../ports/boards.ts';
import type { InspectFiles } from '../ports/inspect-files.ts';
import { readFdt } from '../wire/fdt/fdt.ts';
import { PROGRAM_HEAD_OCTETS, readProgramImage, type ProgramImage } from '../wire/program-image.ts';

/** Octets of one piece when a file is read through. */
const PIECE_OCTETS = 1 << 20;
/** An initrd that unpacks to more than this is not looked at further. */
const UNPACKED_MAX = 1 << 30;
const DTB_OCTETS_MAX = 2 << 20;
/** Initrds whose state is remembered: the same octets cannot become damaged or whole. */
const KNOWN_MAX = 256;

const ARCH_OF: Readonly<Record<NonNullable<ProgramImage['machine']>, Arch | undefined>> = {
  x64: 'amd64',
  i386: 'i386',
  arm64: 'arm64',
  arm: 'armhf',
  riscv64: undefined,
};

/** Looks into kernels, initrds, device trees and loaders that were served, for faults that show in their octets. */
export function inspectFiles(deps: {
  readonly openArtefact: (sha256: Sha256) => Promise<Content | undefined>;
  readonly boards: Pick<Boards, 'byName' | 'openDtb'>;
}): InspectFiles {
  const look = async <T>(
    sha256: Sha256 | undefined,
    inside: (content: Content) => Promise<T | undefined>,
  ): Promise<T | undefined> => {
    const content = sha256 && ((await deps.openArtefact(sha256)) ?? (await deps.boards.openDtb(sha256)));
    if (!content) return undefined;
    try {
      return await inside(content);
    } finally {
      content.close();
    }
  };
  // A rack that fails all at once has one initrd: it is unpacked once, and no verdict waits for another board's.
  const known = new Map<Sha256, Promise<FileFault | undefined>>();
  const initrdOnce = (sha256: Sha256 | undefined): Promise<FileFault | undefined> => {
    if (sha256 === undefined) return Promise.resolve(undefined);
    const before = known.get(sha256);
    if (before) return before;
    if (known.size >= KNOWN_MAX) known.clear();
    const looking = look(sha256, initrdFault);
    known.set(sha256, looking);
    looking.catch(() => known.delete(sha256));
    return looking;
  };
  return {
    faultsOf: async (served, loader) => {
      const board = deps.boards.byName(served.board);
      const program = parseSha256(loader ?? '');
      const found = [
        await look(program.ok ? program.value : undefined, (content) => programFault(content, 'loader', board?.arch)),
        await look(served.kernel, (content) => programFault(content, 'kernel', board?.arch)),
        await look(served.dtb, (content) => treeFault(content, served, board?.compatible ?? [])),
        await initrdOnce(served.initrd),
      ];
      return found.filter((fault) => fault !== undefined);
    },
  };
}

async function programFault(
  content: Content,
  layer: 'loader' | 'kernel',
  arch: Arch | undefined,
): Promise<FileFault | undefined> {
  const image = readProgramImage(await content.read(0, Math.min(PROGRAM_HEAD_OCTETS, content.octets)));
  if (!image) return undefined;
  const own = image.machine && ARCH_OF[image.machine];
  const what = layer === 'kernel' ? 'kernel' : 'loader program';
  if (image.machine !== undefined && arch !== undefined && own !== arch)
    return {
      layer,
      cause: `the ${what} is for ${own ?? image.machine}, and the board is ${arch}`,
      remedy: `give it a ${what} for ${arch}`,
    };
  if (content.octets >= image.octetsMin) return undefined;
  return {
    layer,
    cause: `the ${what} is cut short: its header tells of ${image.octetsMin} octets, and the file has ${content.octets}`,
    remedy: 'import it again from its source, and compare the digest',
  };
}

async function treeFault(
  content: Content,
  served: BootServed,
  compatible: readonly string[],
): Promise<FileFault | undefined> {
  const tree = readFdt(await content.read(0, Math.min(DTB_OCTETS_MAX, content.octets)));
  if (!tree.ok)
    return {
      layer: 'kernel',
      cause: `the device tree is damaged: ${tree.error}`,
      remedy: 'import it again from its source',
    };
  const { compatible: own } = tree.value;
  if (compatible.length === 0 || compatible.some((entry) => own.includes(entry))) return undefined;
  return {
    layer: 'kernel',
    cause: `the device tree is of another board: of "${own.slice(0, 3).join(' ')}", and ${served.board} is "${compatible.join(' ')}"`,
    remedy: 'take that device tree off the machine, or give it the one of its board',
  };
}

/** A gzip'd initrd is unpacked and thrown away; other kinds are not looked into. */
async function initrdFault(content: Content): Promise<FileFault | undefined> {
  const head = await content.read(0, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return undefined;
  let unpacked = 0;
  const sink = new Writable({
    write: (piece: Uint8Array, _encoding, done) => {
      unpacked += piece.length;
      done(unpacked > UNPACKED_MAX ? new TooMuch() : undefined);
    },
  });
  try {
    await pipeline(piecesOf(content), createGunzip(), sink);
  } catch (error) {
    if (error instanceof TooMuch) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    return {
      layer: 'initrd',
      cause: `the initrd is damaged: it cannot be unpacked to its end (${why})`,
      remedy: 'import it again from its source, and compare the digest',
    };
  }
  return undefined;
}

class TooMuch extends Error {}

async function* piecesOf(content: Content): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.octets;) {
    const piece = await content.read(at, Math.min(PIECE_OCTETS, content.octets - at));
    if (piece.length === 0) return;
    yield piece;
    at += piece.length;
  }
}
