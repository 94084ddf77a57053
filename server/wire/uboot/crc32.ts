/**
 * CRC-32 of IEEE 802.3 (polynomial 0xedb88320, reflected), the sum of u-boot's images and saved environments. `before`
 * is the sum of what stands in front of these octets: a file may be summed in pieces.
 */
export function crc32(octets: Uint8Array, before = 0): number {
  let crc = before ^ 0xffffffff;
  for (const octet of octets) crc = (crc >>> 8) ^ (TABLE[(crc ^ octet) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
