import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { readModInfo } from '../../agent/modinfo.ts';
import { moduleName } from '../../server/core/module-name.ts';
import { closeOver, modulesAlias, modulesDep, type KernelModule } from '../../agent/module-set.ts';

/** A little ELF object with the sections given; as the linker lays them out: header, contents, table. */
function elf(wide: boolean, sections: Readonly<Record<string, string>>): Buffer {
  const names = ['', '.shstrtab', ...Object.keys(sections)];
  const strings = `${names.join('\0')}\0`;
  const contents = ['', strings, ...Object.values(sections)];
  const [headOctets, rowOctets] = wide ? [64, 64] : [52, 40];
  const head = Buffer.alloc(headOctets);
  head.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  const starts = contents.map((_, n) => headOctets + contents.slice(0, n).join('').length);
  const tableAt = headOctets + contents.join('').length;
  const put = (row: Buffer, at: number, value: number): unknown =>
    wide ? row.writeBigUInt64LE(BigInt(value), at) : row.writeUInt32LE(value, at);
  put(head, wide ? 0x28 : 0x20, tableAt);
  for (const [n, value] of [rowOctets, contents.length, 1].entries())
    head.writeUInt16LE(value, (wide ? 0x3a : 0x2e) + 2 * n);
  const rows = contents.map((content, n) => {
    const row = Buffer.alloc(rowOctets);
    row.writeUInt32LE(
      names.slice(0, n).reduce((sum, name) => sum + name.length + 1, 0),
      0,
    );
    put(row, wide ? 0x18 : 0x10, starts[n] ?? 0);
    put(row, wide ? 0x20 : 0x14, content.length);
    return row;
  });
  return Buffer.concat([head, Buffer.from(contents.join(''), 'latin1'), ...rows]);
}

const INFO =
  'alias=virtio:d00000001v*\0depends=virtio_ring,net-failover\0softdep=pre: mdio-gpio crc32c post: late\0name=virtio_net\0';

describe('what kernel modules say of themselves', () => {
  for (const wide of [true, false])
    it(`${wide ? 64 : 32}-bit ELF: aliases, needs, wishes`, () => {
      assert.deepEqual(readModInfo(elf(wide, { '.text': 'code', '.modinfo': INFO, '.note': 'x' })), {
        depends: ['virtio_ring', 'net_failover'],
        softPre: ['mdio_gpio', 'crc32c'],
        aliases: ['virtio:d00000001v*'],
      });
    });

  it('a module that needs nothing says "depends=" and nothing', () => {
    const about = readModInfo(elf(true, { '.modinfo': 'depends=\0license=GPL\0' }));
    assert.deepEqual(about, { depends: [], softPre: [], aliases: [] });
  });

  it('no section, no answer', () => {
    assert.equal(readModInfo(elf(true, { '.text': 'code' })), undefined);
    assert.equal(readModInfo(Buffer.from('#!/bin/sh\n')), undefined);
  });

  it('damaged objects never throw', () => {
    const whole = elf(true, { '.modinfo': INFO });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, octet, length) => {
        const copy = Buffer.from(whole);
        copy[at] = octet;
        readModInfo(copy.subarray(0, length));
      }),
      { numRuns: 2000 },
    );
  });

  it('names are written with underscores', () => {
    assert.equal(moduleName('kernel/drivers/net/ethernet/stmicro/stmmac/dwmac-rk.ko'), 'dwmac_rk');
  });
});

const module = (name: string, depends: readonly string[] = [], more: Partial<KernelModule> = {}): KernelModule => ({
  ...{ name, path: `kernel/${name}.ko`, depends, softPre: [], aliases: [] },
  ...more,
});
const lab = new Map(
  [
    module('virtio_net', ['net_failover', 'virtio_ring'], { aliases: ['virtio:d00000001v*'] }),
    module('net_failover', ['failover']),
    module('failover'),
    module('virtio_ring'),
    module('unrelated'),
    module('xgene_enet', ['built_into_the_kernel'], {
      softPre: ['mdio_xgene'],
      aliases: ['of:N*T*Capm,xgene-enet', 'a b'],
    }),
    module('mdio_xgene'),
    module('snake', ['tail']),
    module('tail', ['snake']),
  ].map((each) => [each.name, each]),
);

describe('the set of modules an agent carries', () => {
  const names = (wanted: readonly string[]): readonly string[] =>
    closeOver(lab, (each) => wanted.includes(each.name)).map((each) => each.name);

  it('what a driver needs comes before it', () => {
    assert.deepEqual(names(['virtio_net']), ['failover', 'net_failover', 'virtio_ring', 'virtio_net']);
  });

  it('wishes come along, what is built in is passed over', () => {
    assert.deepEqual(names(['xgene_enet']), ['mdio_xgene', 'xgene_enet']);
  });

  it('a circle ends', () => {
    assert.deepEqual([...names(['snake'])].sort(), ['snake', 'tail']);
  });

  it('modules.dep names the first needed last, as depmod does', () => {
    assert.equal(
      modulesDep(closeOver(lab, (each) => each.name === 'virtio_net')),
      [
        'kernel/failover.ko:',
        'kernel/net_failover.ko: kernel/failover.ko',
        'kernel/virtio_ring.ko:',
        'kernel/virtio_net.ko: kernel/virtio_ring.ko kernel/net_failover.ko kernel/failover.ko',
        '',
      ].join('\n'),
    );
  });

  it('modules.alias leaves out what cannot be written', () => {
    assert.equal(
      modulesAlias(closeOver(lab, (each) => each.name === 'xgene_enet')),
      'alias of:N*T*Capm,xgene-enet xgene_enet\n',
    );
  });
});
