import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { formatIpv4 } from '../../server/core/address.ts';
import { armCoreName } from '../../server/core/cpu-name.ts';
import type { Facts } from '../../server/core/facts.ts';
import { fdtSha256Of, parseFacts } from '../../server/core/parse-facts.ts';
import { processorMs } from '../support/processor-ms.ts';

function golden(arch: string): Readonly<Record<string, string>> {
  const path = new URL(`../golden/agent/${arch}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
}

const SECTIONS = [
  ...['uname', 'cmdline', 'cpuinfo', 'meminfo', 'dmi', 'block', 'net', 'ip-addr'],
  ...['dt-model', 'dt-compatible', 'dt-serial', 'fdt-sha256'],
];

/** Every text in facts, wherever it is. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

function assertDecent(facts: Facts): void {
  for (const text of textsOf(facts)) {
    assert.ok(text.length <= 4096, 'bounded');
    assert.ok(!/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(text), `control characters in ${JSON.stringify(text)}`);
  }
  assert.ok(facts.disks.length <= 64 && facts.nics.length <= 64 && facts.dtCompatible.length <= 32);
  for (const number of [facts.cpuCount, facts.memoryOctets, ...facts.disks.map((disk) => disk.octets)])
    assert.ok(Number.isSafeInteger(number) && number >= 0, String(number));
}

describe('parseFacts: agents that ran in QEMU', () => {
  it('amd64: SMBIOS, disks, the NIC and its address', () => {
    const facts = parseFacts(golden('amd64'));
    assert.equal(facts.arch, 'amd64');
    assert.equal(facts.cpuModel, 'QEMU Virtual CPU version 2.5+');
    assert.equal(facts.cpuCount, 1);
    assert.equal(facts.memoryOctets, 468_400 * 1024);
    assert.equal(facts.systemUuid, 'daf5ab7e-f6f5-53cd-9583-3dd819d43414');
    assert.equal(facts.vendor, 'QEMU');
    assert.equal(facts.product, 'Standard PC (Q35 + ICH9, 2009)');
    assert.equal(facts.serial, undefined);
    assert.equal(facts.dtModel, undefined);
    assert.deepEqual(facts.dtCompatible, []);
    assert.equal(facts.kernel, '6.1.0-56-amd64');
    assert.deepEqual(facts.disks, [
      { name: 'sda', octets: 512, model: 'QEMU HARDDISK', serial: undefined, rotational: true },
      { name: 'vda', octets: 8_388_608, model: undefined, serial: 'DISK-1', rotational: true },
    ]);
    const [nic, ...others] = facts.nics;
    assert.equal(others.length, 0);
    assert.equal(nic?.mac, '52:54:00:aa:bb:01');
    assert.equal(nic.driver, 'virtio_net');
    assert.equal(nic.speedMbit, undefined);
    assert.equal(nic.linkUp, true);
    assert.deepEqual(nic.addresses.map(formatIpv4), ['10.98.0.98']);
    assert.equal(fdtSha256Of(golden('amd64')), undefined);
  });

  it('arm64: the device tree, its digest, the core by its part number', () => {
    const facts = parseFacts(golden('arm64'));
    assert.equal(facts.arch, 'arm64');
    assert.equal(facts.cpuModel, 'ARM Cortex-A57');
    assert.equal(facts.dtModel, 'linux,dummy-virt');
    assert.deepEqual(facts.dtCompatible, ['linux,dummy-virt']);
    assert.equal(facts.vendor, undefined);
    assert.equal(facts.memoryOctets, 743_428 * 1024);
    assert.match(fdtSha256Of(golden('arm64')) ?? '', /^[0-9a-f]{64}$/);
  });

  it('armhf: armv7l is armhf', () => {
    const facts = parseFacts(golden('armhf'));
    assert.equal(facts.arch, 'armhf');
    assert.equal(facts.cpuModel, 'ARM Cortex-A15');
    assert.equal(facts.kernel, '6.1.0-50-armmp');
    assert.equal(facts.nics[0]?.mac, '52:54:00:aa:bb:03');
  });

  it('the token never comes out of the kernel arguments', () => {
    for (const arch of ['amd64', 'arm64', 'armhf']) {
      const { cmdline } = parseFacts(golden(arch));
      assert.match(cmdline ?? '', /farrier\.url=http:\/\/10\.98\.0\.1:\d+ farrier\.token=…$/);
      assert.ok(!textsOf(parseFacts(golden(arch))).some((text) => text.includes('abababab')));
    }
  });

  it('fixtures are decent facts', () => {
    for (const arch of ['amd64', 'arm64', 'armhf']) assertDecent(parseFacts(golden(arch)));
  });
});

describe('parseFacts: what real boards say', () => {
  const dmi = (name: string, value: string): Facts => parseFacts({ dmi: `/sys/class/dmi/id/${name}:${value}\n` });

  for (const filler of [
    'To Be Filled By O.E.M.',
    'Default string',
    'System Product Name',
    '0123456789',
    'None',
    ' ',
    '0',
  ])
    it(`"${filler}" is no product`, () => {
      assert.equal(dmi('product_name', filler).product, undefined);
      assert.equal(dmi('product_serial', filler).serial, undefined);
    });

  it('a board name stands in for a product that was never filled in', () => {
    const facts = parseFacts({
      dmi: '/sys/class/dmi/id/product_name:Default string\n/sys/class/dmi/id/board_name:X11SSH-F\n',
    });
    assert.equal(facts.product, 'X11SSH-F');
  });

  const uuids: readonly (readonly [string, string, string | undefined])[] = [
    ['upper case is lowered', 'DAF5AB7E-F6F5-53CD-9583-3DD819D43414', 'daf5ab7e-f6f5-53cd-9583-3dd819d43414'],
    ['all zeros say nothing', '00000000-0000-0000-0000-000000000000', undefined],
    ['all ones say nothing', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', undefined],
    ['the example of a firmware kit says nothing', '03000200-0400-0500-0006-000700080009', undefined],
    ['words are no UUID', 'Not Settable', undefined],
  ];
  for (const [title, text, want] of uuids)
    it(`system UUID: ${title}`, () => {
      assert.equal(dmi('product_uuid', text).systemUuid, want);
    });

  it('loop, RAM, optical and boot-partition devices are no disks', () => {
    const names = [
      'loop0',
      'ram1',
      'zram0',
      'sr0',
      'nbd3',
      'dm-0',
      'md127',
      'mtdblock0',
      'mmcblk0boot0',
      'mmcblk0rpmb',
    ];
    const lines = [...names, 'mmcblk0', 'nvme0n1'].map((name) => `/sys/block/${name}/size:2048`);
    const facts = parseFacts({ block: lines.join('\n') });
    assert.deepEqual(
      facts.disks.map((disk) => disk.name),
      ['mmcblk0', 'nvme0n1'],
    );
  });

  it('an empty card reader is no disk', () => {
    assert.deepEqual(parseFacts({ block: '/sys/block/sdb/size:0\n' }).disks, []);
  });

  it('SATA disks say ATA and not who made them; serials come from page 0x80', () => {
    const block = [
      '/sys/block/sda/size:3907029168',
      '/sys/block/sda/queue/rotational:1',
      '/sys/block/sda/device/vendor:ATA     ',
      '/sys/block/sda/device/model:ST2000NM0055-1V4',
      '/sys/block/sda/device/vpd_pg80:        ZC20ABCD',
    ].join('\n');
    assert.deepEqual(parseFacts({ block }).disks, [
      { name: 'sda', octets: 2_000_398_934_016, model: 'ST2000NM0055-1V4', serial: 'ZC20ABCD', rotational: true },
    ]);
  });

  it('bridges, loopback, InfiniBand and impossible addresses are no NICs', () => {
    const net = [
      ...['/sys/class/net/lo/address:00:00:00:00:00:00', '/sys/class/net/lo/type:772'],
      ...[
        '/sys/class/net/ib0/address:00:00:10:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:31:78:f2',
        '/sys/class/net/ib0/type:32',
      ],
      ...['/sys/class/net/eth1/address:01:00:5e:00:00:01', '/sys/class/net/eth1/type:1'],
      ...[
        '/sys/class/net/eth0/address:52:54:00:00:00:09',
        '/sys/class/net/eth0/type:1',
        '/sys/class/net/eth0/speed:10000',
      ],
    ].join('\n');
    const { nics } = parseFacts({ net });
    assert.deepEqual(
      nics.map((nic) => [nic.name, nic.speedMbit, nic.linkUp]),
      [['eth0', 10_000, false]],
    );
  });

  it('many cores are counted, the core unknown here is told by its numbers', () => {
    const cpuinfo = Array.from(
      { length: 128 },
      (_, n) => `processor\t: ${n}\nCPU implementer\t: 0x99\nCPU part\t: 0x123\n`,
    ).join('');
    const facts = parseFacts({ cpuinfo });
    assert.equal(facts.cpuCount, 128);
    assert.equal(facts.cpuModel, 'ARM implementer 0x99 part 0x123');
    assert.equal(armCoreName('0x50', '0x000'), 'APM X-Gene');
  });

  it('a compatible list keeps its order, most specific first', () => {
    const packed = Buffer.from('apm,mustang\0apm,xgene-storm\0').toString('base64');
    assert.deepEqual(parseFacts({ 'dt-compatible.b64': packed }).dtCompatible, ['apm,mustang', 'apm,xgene-storm']);
  });

  it('nothing sent is nothing known', () => {
    const facts = parseFacts({});
    assert.deepEqual([facts.arch, facts.cpuCount, facts.memoryOctets, facts.nics.length], [undefined, 0, 0, 0]);
    assert.equal(facts.cmdline, undefined);
  });
});

describe('parseFacts: hostile text', () => {
  it('escape sequences, line separators and right-to-left marks do not come through', () => {
    const nasty = 'Evil\u001b[2J\u202eBoard\u2028next\u0000\u009b1m';
    const { dtModel } = parseFacts({ 'dt-model.b64': Buffer.from(nasty).toString('base64') });
    assert.equal(dtModel, 'Evil [2J Board next 1m');
  });

  it('a name of a prototype is an ordinary missing section', () => {
    const raw = JSON.parse('{"__proto__": "x", "constructor": "y", "uname": "Linux 6.1 x86_64"}') as Record<
      string,
      string
    >;
    assert.equal(parseFacts(raw).arch, 'amd64');
  });

  it('a thousand disks and NICs are cut at 64', () => {
    const block = Array.from({ length: 1000 }, (_, n) => `/sys/block/sd${n}/size:8`).join('\n');
    const net = Array.from(
      { length: 1000 },
      (_, n) =>
        `/sys/class/net/e${n}/address:52:54:00:00:${(n >> 8).toString(16)}0:0${(n & 7).toString(16)}\n/sys/class/net/e${n}/type:1`,
    ).join('\n');
    assertDecent(parseFacts({ block, net }));
    assert.equal(parseFacts({ block }).disks.length, 64);
  });

  it('any text in any section gives decent facts and no exception', () => {
    const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 400 }));
    const anyLine = fc
      .tuple(
        fc.constantFrom('/sys/block/sda/', '/sys/class/net/eth0/', '/sys/class/dmi/id/', 'MemTotal:', 'processor', ''),
        fc.constantFrom('size', 'address', 'type', 'device/model', 'product_name', 'product_uuid', ''),
        anyText,
      )
      .map(([prefix, name, text]) => `${prefix}${name}:${text}`);
    const anySection = fc.oneof(
      anyText,
      fc.array(anyLine, { maxLength: 12 }).map((lines) => lines.join('\n')),
    );
    const raw = fc.dictionary(fc.constantFrom(...SECTIONS, ...SECTIONS.map((name) => `${name}.b64`)), anySection);
    fc.assert(
      fc.property(raw, (sections) => {
        assertDecent(parseFacts(sections));
        fdtSha256Of(sections);
      }),
      { numRuns: 300 },
    );
  });

  it('any octets in base64 give decent facts', () => {
    const octets = fc.uint8Array({ maxLength: 600 }).map((each) => Buffer.from(each).toString('base64'));
    const raw = fc.dictionary(fc.constantFrom(...SECTIONS.map((name) => `${name}.b64`)), octets);
    fc.assert(
      fc.property(raw, (sections) => {
        assertDecent(parseFacts(sections));
      }),
      { numRuns: 300 },
    );
  });

  it('a megabyte without a line end takes no time to speak of', () => {
    const long = ' \t'.repeat(500_000);
    const costMs = processorMs(() => {
      for (const name of SECTIONS) parseFacts({ [name]: long });
    });
    assert.ok(costMs < 4000, `${String(costMs)} ms`);
  });
});
