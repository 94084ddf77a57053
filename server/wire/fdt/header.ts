import { err, ok, type Result } from '../../core/result.ts';

/** Octets of the header (Devicetree Specification v0.4 §5.2). */
export const FDT_HEADER_OCTETS = 40;
/** The first four octets of every blob. */
export const FDT_MAGIC = 0xd00dfeed;
/** The version Linux and u-boot read; `last_comp_version` may not be above it. */
export const FDT_VERSION = 17;

/** What opens each part of the structure block (Devicetree Specification v0.4 §5.4.1). */
export const FDT_TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;

/** Where the parts of a blob lie, in octets from its start. */
export interface FdtHeader {
  readonly totalOctets: number;
  readonly structAt: number;
  readonly structOctets: number;
  readonly stringsAt: number;
  readonly stringsOctets: number;
  readonly reservationsAt: number;
  readonly version: number;
  readonly bootCpuId: number;
}

/** Checks the header of a flattened device tree. The size in it must not exceed the octets at hand. */
export function readFdtHeader(octets: Uint8Array): Result<FdtHeader> {
  if (octets.length < FDT_HEADER_OCTETS) return err(`${octets.length} octets are too short for a device tree`);
  const view = viewOf(octets);
  if (view.getUint32(0) !== FDT_MAGIC) return err('no device tree: the magic number is not d00dfeed');
  const header = {
    totalOctets: view.getUint32(4),
    structAt: view.getUint32(8),
    structOctets: view.getUint32(36),
    stringsAt: view.getUint32(12),
    stringsOctets: view.getUint32(32),
    reservationsAt: view.getUint32(16),
    version: view.getUint32(20),
    bootCpuId: view.getUint32(28),
  };
  const { totalOctets, structAt, structOctets, stringsAt, stringsOctets } = header;
  if (totalOctets > octets.length)
    return err(`the device tree says ${totalOctets} octets, but only ${octets.length} are there`);
  if (header.version < FDT_VERSION || view.getUint32(24) > FDT_VERSION)
    return err(
      `device tree version ${header.version}, compatible down to ${view.getUint32(24)}; ${FDT_VERSION} is needed`,
    );
  if (structAt % 4 !== 0 || structAt < FDT_HEADER_OCTETS || structAt + structOctets > totalOctets)
    return err('the structure block of the device tree lies outside of it');
  if (stringsAt < FDT_HEADER_OCTETS || stringsAt + stringsOctets > totalOctets)
    return err('the strings block of the device tree lies outside of it');
  return ok(header);
}

/** A view of octets that may lie inside a larger buffer. */
export function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
