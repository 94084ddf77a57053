import { Readable } from 'node:stream';
import { createGunzip, createGzip, type Gunzip, type Gzip } from 'node:zlib';
import type { Sha256 } from '../core/address.ts';
import type { Artefact } from '../core/bundle.ts';
import { DTB_OCTETS_MAX } from '../core/dtb-version.ts';
import type { Recipe } from '../core/recipe.ts';
import type { Content } from '../ports/artefacts.ts';
import { crc32 } from '../wire/uboot/crc32.ts';
import { fitPieces, type FitPart } from '../wire/uboot/fit.ts';
import { buildLegacyHeader } from '../wire/uboot/legacy-image.ts';
import { piecesOf } from './archive/archive-source.ts';
import { ArtefactError } from './artefact-error.ts';
import { mergeOverlays } from './merge-dtb.ts';

/** Opens a stored file; nothing when it is not there. */
export type OpenFile = (sha256: Sha256) => Promise<Content | undefined>;

/** The octets of what a recipe makes, piece by piece: no more than a few are held at once. @throws ArtefactError */
export async function* derivedPieces(open: OpenFile, recipe: Recipe): AsyncGenerator<Uint8Array> {
  switch (recipe.make) {
    case 'unpacked':
      yield* through(storedPieces(open, recipe.from), createGunzip());
      return;
    case 'gzip':
      yield* through(storedPieces(open, recipe.from), createGzip());
      return;
    case 'merged':
      yield await merged(open, recipe);
      return;
    case 'uImage':
    case 'uInitrd':
      yield await legacyHeader(open, recipe);
      yield* storedPieces(open, recipe.from);
      return;
    case 'FIT':
      for (const piece of fitPieces(fitOrder(recipe)))
        if (piece instanceof Uint8Array) yield piece;
        else yield* storedPieces(open, piece);
  }
}

async function* storedPieces(open: OpenFile, file: Artefact): AsyncGenerator<Uint8Array> {
  const content = await open(file.sha256);
  if (!content)
    throw new ArtefactError('unreadable', `${file.name} (sha256 ${file.sha256.slice(0, 16)}) is not stored`);
  try {
    yield* piecesOf(content);
  } finally {
    content.close();
  }
}

/** Device trees are small and are looked at whole. */
async function merged(open: OpenFile, { from, overlays }: Extract<Recipe, { make: 'merged' }>): Promise<Uint8Array> {
  const named = [];
  for (const overlay of overlays) named.push({ file: overlay.name, octets: await treeOf(open, overlay) });
  const made = mergeOverlays(await treeOf(open, from), named);
  if (made.ok) return made.value;
  throw new ArtefactError('unreadable', made.error);
}

async function treeOf(open: OpenFile, file: Artefact): Promise<Uint8Array> {
  if (file.octets > DTB_OCTETS_MAX)
    throw new ArtefactError('too-big', `${file.name} has ${file.octets} octets, more than any device tree`);
  const pieces: Uint8Array[] = [];
  for await (const piece of storedPieces(open, file)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A fault on either side ends both: the source is read by the packer, and its failure is the packer's. */
async function* through(source: AsyncGenerator<Uint8Array>, packer: Gzip | Gunzip): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source);
  input.once('error', (error) => packer.destroy(error));
  packer.once('close', () => input.destroy());
  for await (const piece of input.pipe(packer)) if (piece instanceof Uint8Array) yield piece;
}

/** The header holds the sum of all that follows, so the file is read once before it is written. */
async function legacyHeader(
  open: OpenFile,
  recipe: Extract<Recipe, { make: 'uImage' | 'uInitrd' }>,
): Promise<Uint8Array> {
  let [payloadSum, payloadOctets] = [0, 0];
  for await (const piece of storedPieces(open, recipe.from)) {
    payloadSum = crc32(piece, payloadSum);
    payloadOctets += piece.length;
  }
  // No time stamp: the same kernel gives the same file whenever it is made.
  const common = { os: 'linux', arch: recipe.arch, name: 'Farrier', madeAtS: 0, payloadOctets, payloadSum } as const;
  if (recipe.make === 'uInitrd')
    return buildLegacyHeader({ ...common, type: 'ramdisk', compression: 'none', load: 0, entry: 0 });
  return buildLegacyHeader({ ...common, type: 'kernel', compression: recipe.packing, ...recipe.at });
}

function fitOrder(recipe: Extract<Recipe, { make: 'FIT' }>): Parameters<typeof fitPieces<Artefact>>[0] {
  const { arch, packing, from, initrd, dtb, at } = recipe;
  return { arch, packing, ...at, kernel: partOf(from), initrd: initrd && partOf(initrd), dtb: dtb && partOf(dtb) };
}

function partOf(content: Artefact): FitPart<Artefact> {
  return { content, octets: content.octets, sha256: Uint8Array.from(Buffer.from(content.sha256, 'hex')) };
}
