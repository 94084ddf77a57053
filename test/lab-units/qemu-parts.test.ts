import { strict as assert } from 'node:assert';
import { rootProperties } from '../../lab/dtb-root.ts';
import { crc32 } from '../../lab/crc32.ts';
import { QEMU_KINDS, qemuCommand, varsTemplate, type QemuMachine } from '../../lab/qemu/machine-args.ts';
import { withModel } from '../../lab/qemu/marked-dtb.ts';
import { savedEnvironment } from '../../lab/qemu/uboot-environment.ts';

const MACHINE: Omit<QemuMachine, 'kind'> = {
  mac: '52:54:00:12:34:56',
  uuid: 'daf5ab7e-f6f5-53cd-9583-3dd819d43414',
  tap: 'tap7',
  flash: '/tmp/flash.fd',
  serialLog: '/tmp/serial.log',
  acpi: false,
  dumpDtb: undefined,
};

describe('the parts of a QEMU board', () => {
  it('a saved environment begins with the CRC of the rest and holds the names u-boot lacks', () => {
    for (const boot of ['pxe', 'script'] as const) {
      const octets = savedEnvironment(boot);
      assert.equal(octets.length, 0x40000);
      assert.equal(new DataView(octets.buffer).getUint32(0, true), crc32(octets.subarray(4)));
      const names = new TextDecoder().decode(octets.subarray(4)).split('\0');
      assert.ok(names.includes('fdt_addr_r=0x43e00000'));
      assert.ok(
        names.some((name) => name.startsWith('bootcmd=') && name.includes(boot === 'pxe' ? 'pxe boot' : 'source')),
      );
    }
  });

  it('firmware that keeps its own tree is the same but for the place of a served one', () => {
    const settings = (boot: 'pxe' | 'pxe-own-tree'): string[] =>
      new TextDecoder().decode(savedEnvironment(boot).subarray(4)).split('\0');
    const own = settings('pxe-own-tree');
    assert.deepEqual(
      settings('pxe').filter((line) => line !== '' && !own.includes(line)),
      ['fdt_addr_r=0x43e00000'],
    );
  });

  it('every kind is plugged into its tap with its own MAC and UUID', () => {
    for (const kind of QEMU_KINDS) {
      const { args } = qemuCommand({ ...MACHINE, kind });
      assert.ok(args.includes('tap,id=n0,ifname=tap7,script=no,downscript=no'), kind);
      assert.ok(args.some((arg) => arg.startsWith('virtio-net-pci') && arg.includes('mac=52:54:00:12:34:56')));
      assert.ok(args.includes(MACHINE.uuid));
    }
  });

  it('the serial line is written down, leads to a socket as well, or goes nowhere', () => {
    const line = (more: Partial<QemuMachine>): string =>
      qemuCommand({ ...MACHINE, kind: 'bios-ipxe', ...more }).args.join(' ');
    assert.match(line({}), /-serial file:\/tmp\/serial\.log/);
    const both = /-chardev socket,id=line,path=\/tmp\/line,logfile=\/tmp\/serial\.log -serial chardev:line/;
    assert.match(line({ serialSocket: '/tmp/line' }), both);
    assert.match(line({ serialLog: undefined }), /-serial null/);
  });

  it('u-boot gets a modern NIC, UEFI its own PXE, and arm64 UEFI no ACPI where a tree must come through', () => {
    const line = (kind: QemuMachine['kind']): string => qemuCommand({ ...MACHINE, kind }).args.join(' ');
    assert.match(line('uboot-arm64'), /disable-legacy=on/);
    assert.match(line('uefi-x64'), /romfile=,bootindex=0/);
    assert.doesNotMatch(line('bios-ipxe'), /romfile=/);
    assert.match(line('uefi-arm64'), /-machine virt,acpi=off/);
  });

  it('HTTP boot skips PXE, Secure Boot has its own firmware and variables, and neither touches other kinds', () => {
    const line = (kind: QemuMachine['kind'], uefi: QemuMachine['uefi']): string =>
      qemuCommand({ ...MACHINE, kind, uefi }).args.join(' ');
    assert.match(line('uefi-arm64', 'http'), /opt\/org\.tianocore\/IPv4PXESupport,string=n/);
    assert.doesNotMatch(line('uefi-x64', 'pxe'), /PXESupport|smm|secboot/);
    assert.match(line('uefi-x64', 'secure'), /q35,smm=on .*property=secure,value=on .*OVMF_CODE_4M\.secboot\.fd/);
    assert.match(varsTemplate('uefi-x64', 'secure') ?? '', /\.ms\.fd$/);
    assert.equal(varsTemplate('uboot-arm64', 'pxe'), undefined);
  });

  it('a model is replaced or put in, whatever is in it', () => {
    const model = 'A "quoted" $1 model';
    const quoted = '\tmodel = "A \\"quoted\\" $1 model";';
    assert.ok(withModel('/dts-v1/;\n\n/ {\n\tmodel = "old";\n};\n', model).includes(quoted));
    const put = withModel('/dts-v1/;\n\n/ {\n\tcompatible = "x";\n};\n', model);
    assert.ok(put.indexOf(quoted) > put.indexOf('/ {'));
  });

  it('the root of a flattened tree is read, its children are not', () => {
    const strings = Buffer.from('model\0');
    const node = (name: string): number[] => [0, 0, 0, 1, ...Buffer.from(name.padEnd(4, '\0'))];
    const model = (text: string): number[] => [0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, ...Buffer.from(`${text}\0`)];
    const struct = [...node(''), ...model('abc'), ...node('cpu'), ...model('xyz'), 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 9];
    const blob = Buffer.alloc(40 + struct.length + strings.length);
    blob.writeUInt32BE(0xd00dfeed, 0);
    blob.writeUInt32BE(40, 8);
    blob.writeUInt32BE(40 + struct.length, 12);
    blob.set(struct, 40);
    blob.set(strings, 40 + struct.length);
    assert.deepEqual(
      [...rootProperties(blob)].map(([name, value]) => [name, Buffer.from(value).toString()]),
      [['model', 'abc\0']],
    );
    for (let length = 0; length < blob.length; length += 1) rootProperties(blob.subarray(0, length));
    assert.equal(rootProperties(Buffer.from('no tree at all')).size, 0);
  });
});
