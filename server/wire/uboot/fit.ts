import { flattenFdt } from '../fdt/encode.ts';
import { fdtNode, fromCells, fromTexts, type FdtNode } from '../fdt/tree.ts';

/** A part of a FIT: its content, or whatever stands for it until the file is written. */
export interface FitPart<Content> {
  readonly content: Content;
  readonly octets: number;
  /** SHA-256 of the content. */
  readonly sha256: Uint8Array;
}

/** What a FIT is made of. */
export interface FitOrder<Content> {
  readonly arch: keyof typeof FIT_ARCH;
  readonly kernel: FitPart<Content>;
  readonly packing: 'none' | 'gzip';
  /** Where the unpacked kernel is put and entered. */
  readonly load: number;
  readonly entry: number;
  readonly initrd: FitPart<Content> | undefined;
  readonly dtb: FitPart<Content> | undefined;
}

/** u-boot's words for architectures (boot/image.c, `uimage_arch`). */
const FIT_ARCH = { amd64: 'x86_64', arm64: 'arm64', armhf: 'arm', i386: 'x86', riscv64: 'riscv' } as const;

/**
 * A FIT (u-boot doc/usage/fit): kernel, ramdisk and device tree in one file that is itself a device tree, each with its
 * SHA-256, and one configuration. In pieces, with the contents left to be filled in, since kernels are large.
 */
export function fitPieces<Content extends object>(order: FitOrder<Content>): readonly (Uint8Array | Content)[] {
  const { kernel, initrd, dtb } = order;
  const lengths = new Map(
    [kernel, initrd, dtb].flatMap((part) => (part ? [[part.content, part.octets] as const] : [])),
  );
  const images = [
    image(order, 'kernel', kernel, [
      ['type', fromTexts('kernel')],
      ['os', fromTexts('linux')],
      ['compression', fromTexts(order.packing)],
      ['load', addressCells(order.load)],
      ['entry', addressCells(order.entry)],
    ]),
    ...(initrd
      ? [image(order, 'ramdisk', initrd, [['type', fromTexts('ramdisk')], ['os', fromTexts('linux')], PLAIN])]
      : []),
    ...(dtb ? [image(order, 'fdt', dtb, [['type', fromTexts('flat_dt')], PLAIN])] : []),
  ];
  const named = images.map((each): readonly [string, Uint8Array] => [each.name, fromTexts(each.name)]);
  const board = fdtNode<Uint8Array | Content>('board', [['description', fromTexts('Farrier')], ...named]);
  const root = fdtNode<Uint8Array | Content>(
    '',
    [
      ['timestamp', fromCells(0)],
      ['description', fromTexts('Farrier')],
      ['#address-cells', fromCells(order.load > 0xffffffff ? 2 : 1)],
    ],
    [fdtNode('images', [], images), fdtNode('configurations', [['default', fromTexts('board')]], [board])],
  );
  const octetsOf = (value: Uint8Array | Content): number =>
    value instanceof Uint8Array ? value.length : (lengths.get(value) ?? 0);
  return flattenFdt({ bootCpuId: 0, reservations: [], root }, octetsOf);
}

const PLAIN: readonly [string, Uint8Array] = ['compression', fromTexts('none')];

function image<Content>(
  { arch }: FitOrder<Content>,
  name: string,
  part: FitPart<Content>,
  properties: readonly (readonly [string, Uint8Array])[],
): FdtNode<Uint8Array | Content> {
  const hash = fdtNode<Uint8Array | Content>('hash-1', [
    ['algo', fromTexts('sha256')],
    ['value', part.sha256],
  ]);
  return fdtNode<Uint8Array | Content>(
    name,
    [['description', fromTexts(name)], ['data', part.content], ['arch', fromTexts(FIT_ARCH[arch])], ...properties],
    [hash],
  );
}

/** An address above 4 GiB takes two cells. */
function addressCells(address: number): Uint8Array {
  return address > 0xffffffff ? fromCells(Math.floor(address / 2 ** 32), address >>> 0) : fromCells(address);
}
