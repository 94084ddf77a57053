/**
 * A kernel of thirteen instructions: it writes the device tree it was handed (x0), octet by octet, to the serial port
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

/** The same for 32-bit ARM, as a `zImage` (Linux Documentation/arm/booting.rst): the tree comes in r2. */
export function echoKernel32(): Uint8Array {
  const code = [
    0xe5921004, // ldr  r1, [r2, #4]
    0xe6bf1f31, // rev  r1, r1
    0xe3a03409, // mov  r3, #0x09000000
    0xe4d24001, // ldrb r4, [r2], #1
    0xe5935018, // ldr  r5, [r3, #0x18]
    0xe3150020, // tst  r5, #0x20
    0x1afffffc, // bne  .-8
    0xe5c34000, // strb r4, [r3]
    0xe2511001, // subs r1, r1, #1
    0x1afffff8, // bne  to the ldrb
    0xe3a00484, // mov  r0, #0x84000000
    0xe3800008, // orr  r0, r0, #8       PSCI SYSTEM_OFF
    0xe1400070, // hvc  #0
    0xeafffffe, // b    .
  ];
  const image = new DataView(new ArrayBuffer(4096));
  image.setUint32(0, 0xea00000e, true); // b .+64
  image.setUint32(0x24, 0x016f2818, true);
  image.setUint32(0x2c, 4096, true);
  for (const [index, word] of code.entries()) image.setUint32(64 + index * 4, word, true);
  return new Uint8Array(image.buffer);
}

/**
 * The same for a PC's BIOS, as a `bzImage` (Linux Documentation/x86/boot.rst): its 16-bit part writes the arguments at
 * cmd_line_ptr, their NUL too, to COM1 and leaves QEMU by its isa-debug-exit port 0xf4.
 */
export function echoKernelPc(): Uint8Array {
  const image = new DataView(new ArrayBuffer(0x800));
  const code =
    'fa 66a12802 6689c3 83e30f 66c1e804 8ec0' + // es:bx = the linear address at ds:0x228
    '268a0f 43 bafd03 ec a820 74f8 baf803 88c8 ee 84c9 75ea' + // each octet, when the port is free, until the NUL
    'baf400 b000 ee f4 ebfd';
  image.setUint8(0x1f1, 1); // one sector of setup after the first
  image.setUint32(0x1f4, 0x40, true);
  image.setUint16(0x1fe, 0xaa55, true);
  image.setUint16(0x200, 0x6eeb, true); // jmp to 0x270
  new Uint8Array(image.buffer).set(Buffer.from('HdrS'), 0x202);
  image.setUint16(0x206, 0x0206, true);
  image.setUint8(0x211, 1); // loaded high
  image.setUint32(0x214, 0x100000, true);
  image.setUint32(0x22c, 0x7fffffff, true); // an initrd may lie anywhere
  image.setUint32(0x238, 2047, true);
  new Uint8Array(image.buffer).set(Buffer.from(code.replaceAll(' ', ''), 'hex'), 0x270);
  return new Uint8Array(image.buffer);
}

/**
 * The same for a PC's UEFI. GRUB enters it by the 32-bit or 64-bit protocol, with the zero page in esi, or through shim
 * by the EFI handover protocol, with it in rdx; the octets mean the same in 32 and 64 bits.
 */
export function echoKernelEfi(): Uint8Array {
  const octets = new Uint8Array(0x2000);
  octets.set(echoKernelPc());
  const image = new DataView(octets.buffer);
  const body = '8a0b 48ffc3 66bafd03 ec a820 74f7 66baf803 88c8 ee 84c9 75e7 66baf400 b000 ee f4 ebfd'.replaceAll(
    ' ',
    '',
  );
  image.setUint32(0x1f4, 0x1c0, true);
  image.setUint16(0x206, 0x020c, true);
  image.setUint32(0x230, 0x200000, true); // kernel_alignment
  image.setUint8(0x234, 1); // relocatable
  image.setUint16(0x236, 0x0b, true); // 64 bits, above 4 GiB, EFI handover
  image.setBigUint64(0x258, 0x1000000n, true); // pref_address
  image.setUint32(0x260, 0x100000, true); // init_size
  image.setUint32(0x264, 0x100, true); // handover_offset; 64 bits enter 512 octets later
  const protectedMode = 0x400;
  octets.set(Buffer.from(`8b9e28020000${body}`, 'hex'), protectedMode); // ebx = cmd_line_ptr, from esi
  octets.set(Buffer.from(`8b9e28020000${body}`, 'hex'), protectedMode + 0x200);
  octets.set(Buffer.from(`8b9a28020000${body}`, 'hex'), protectedMode + 0x300); // the same, from rdx
  return octets;
}
