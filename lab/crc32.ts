const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  return value >>> 0;
});

/** CRC-32 as zlib and u-boot compute it (IEEE 802.3, reflected). */
export function crc32(octets: Uint8Array): number {
  let sum = 0xffffffff;
  for (const octet of octets) sum = ((TABLE[(sum ^ octet) & 255] ?? 0) ^ (sum >>> 8)) >>> 0;
  return (sum ^ 0xffffffff) >>> 0;
}
