const MZ = 0x5a4d;
const PE_SIGNATURE = 0x4550;
const SECTION_OCTETS = 40;

/** What the header of an EFI program says, which Linux kernels with an EFI stub have too. */
export interface PeHeader {
  /** `Machine`, the processor it is for (PE format specification, "Machine Types"). */
  readonly machine: number;
  /** Octets the file must have at least, for its sections reach up to there. */
  readonly octetsMin: number;
}

/** Reads a PE header, which kernels and loaders keep within the first 4096 octets. Nothing for all else, hostile octets included. */
export function readPe(head: Uint8Array): PeHeader | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < 0x40 || view.getUint16(0, true) !== MZ) return undefined;
  const at = view.getUint32(0x3c, true);
  if (at > view.byteLength - 24 || view.getUint32(at, true) !== PE_SIGNATURE) return undefined;
  const sections = view.getUint16(at + 6, true);
  const first = at + 24 + view.getUint16(at + 20, true);
  let octetsMin = 0;
  for (let nth = 0; nth < sections; nth += 1) {
    const section = first + nth * SECTION_OCTETS;
    if (section + SECTION_OCTETS > view.byteLength) break;
    const [octets, from] = [view.getUint32(section + 16, true), view.getUint32(section + 20, true)];
    if (octets > 0) octetsMin = Math.max(octetsMin, from + octets);
  }
  return { machine: view.getUint16(at + 4, true), octetsMin };
}
