/**
 * A kernel of fourteen instructions: it writes the device tree it was handed (x0), octet by octet, to the serial port
 * of QEMU's virt machine and switches it off. So a test reads what really reaches a kernel, without Linux.
 * Little-endian arm64 `Image` (Linux Documentation/arm64/booting.rst).
 */
export function echoKernel(): Uint8Array {
  const code = [
    0xb9400401, // ldr  w1, [x0, #4]     totalsize, big-endian
    0x5ac00821, // rev  w1, w1
    0xd2a12002, // movz x2, #0x900, lsl #16   PL011 at 0x09000000
    0x38401403, // ldrb w3, [x0], #1
    0xb9401844, // ldr  w4, [x2, #0x18]  flag register
    0x372fffe4, // tbnz w4, #5, .-4      while its FIFO is full
    0x39000043, // strb w3, [x2]
    0x71000421, // subs w1, w1, #1
    0x54ffff61, // b.ne to the ldrb
    0x52b08000, // movz w0, #0x8400, lsl #16
    0x72800100, // movk w0, #8           PSCI SYSTEM_OFF
    0xd4000002, // hvc  #0
    0x14000000, // b    .
  ];
  const image = new DataView(new ArrayBuffer(4096));
  image.setUint32(0, 0x14000010, true); // b .+64
  image.setBigUint64(16, 4096n, true);
  image.setBigUint64(24, 0xan, true); // little-endian, 4 KiB pages, placed anywhere
  image.setUint32(56, 0x644d5241, true);
  for (const [index, word] of code.entries()) image.setUint32(64 + index * 4, word, true);
  return new Uint8Array(image.buffer);
}
