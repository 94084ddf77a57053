/** What the header of a kernel or loader says of the whole file. */
export interface ProgramImage {
  /** The processor it is for, in the words of the PE format's list; nothing when the header does not say. */
  readonly machine: 'x64' | 'i386' | 'arm64' | 'arm' | 'riscv64' | undefined;
  /** Octets the file must have at least, for its header names parts up to there. */
  readonly octetsMin: number;
}

/** Octets from the start that `readProgramImage` needs: kernels keep their PE header within the first page. */
export const PROGRAM_HEAD_OCTETS = 4096;

/** PE/COFF machine types (PE format specification, "Machine Types"). */
const MACHINES: ReadonlyMap<number, ProgramImage['machine']> = new Map([
  [0x8664, 'x64'],
  [0x014c, 'i386'],
  [0xaa64, 'arm64'],
  [0x01c2, 'arm'],
  [0x01c4, 'arm'],
  [0x5064, 'riscv64'],
]);
const MZ = 0x5a4d;
const PE_SIGNATURE = 0x4550;
const SECTION_OCTETS = 40;
/** Linux/arm, Documentation/arch/arm: the zImage magic, and where it says that it starts and ends. */
const ZIMAGE = { magic: 0x016f2818, magicAt: 0x24, startAt: 0x28, endAt: 0x2c };

/**
 * Reads the header of an EFI program (which Linux kernels with an EFI stub are too) or of a zImage. Nothing for all else,
 * hostile octets included.
 */
export function readProgramImage(head: Uint8Array): ProgramImage | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return readPe(view) ?? readZImage(view);
}

function readPe(view: DataView): ProgramImage | undefined {
  if (view.byteLength < 0x40 || view.getUint16(0, true) !== MZ) return undefined;
  const at = view.getUint32(0x3c, true);
  if (at > view.byteLength - 24 || view.getUint32(at, true) !== PE_SIGNATURE) return undefined;
  const machine = MACHINES.get(view.getUint16(at + 4, true));
  const sections = view.getUint16(at + 6, true);
  const first = at + 24 + view.getUint16(at + 20, true);
  let octetsMin = 0;
  for (let nth = 0; nth < sections; nth += 1) {
    const section = first + nth * SECTION_OCTETS;
    if (section + SECTION_OCTETS > view.byteLength) break;
    const [octets, from] = [view.getUint32(section + 16, true), view.getUint32(section + 20, true)];
    if (octets > 0) octetsMin = Math.max(octetsMin, from + octets);
  }
  return { machine, octetsMin };
}

function readZImage(view: DataView): ProgramImage | undefined {
  if (view.byteLength < 0x30 || view.getUint32(ZIMAGE.magicAt, true) !== ZIMAGE.magic) return undefined;
  const octetsMin = view.getUint32(ZIMAGE.endAt, true) - view.getUint32(ZIMAGE.startAt, true);
  return { machine: 'arm', octetsMin: Math.max(0, octetsMin) };
}
