import { DTB_OCTETS_MAX } from '../core/dtb-version.ts';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parseSha256, type Sha256 } from '../core/address.ts';
import type { Arch } from '../core/arch.ts';
import type { BootServed, FileFault } from '../core/boot-verdict.ts';
import { mayRunOn } from '../core/kernel-form.ts';
import type { Content } from '../ports/artefacts.ts';
import type { Boards } from '../ports/boards.ts';
import type { InspectFiles } from '../ports/inspect-files.ts';
import { readFdt } from '../wire/fdt/fdt.ts';
import { octetsMin } from '../wire/linux/kernel-form.ts';
import { packerOf } from '../wire/packer.ts';
import { piecesOf } from './archive/archive-source.ts';
import { formOfHead, PACKED_HEAD_OCTETS } from './kernel-head.ts';

/** An initrd that unpacks to more than this is not looked at further. */
const UNPACKED_MAX = 1 << 30;
/** Initrds whose state is remembered: the same octets cannot become damaged or whole. */
const KNOWN_MAX = 256;

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
  const head = await content.read(0, Math.min(PACKED_HEAD_OCTETS, content.octets));
  const form = await formOfHead(head);
  const what = layer === 'kernel' ? 'kernel' : 'loader program';
  if (form.arch !== undefined && arch !== undefined && !mayRunOn(form, arch))
    return {
      layer,
      cause: `the ${what} is for ${form.arch}, and the board is ${arch}`,
      remedy: `give it a ${what} for ${arch}`,
    };
  const octets = octetsMin(head) ?? 0;
  if (content.octets >= octets) return undefined;
  return {
    layer,
    cause: `the ${what} is cut short: its header tells of ${octets} octets, and the file has ${content.octets}`,
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
  if (packerOf(head) !== 'gzip') return undefined;
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
