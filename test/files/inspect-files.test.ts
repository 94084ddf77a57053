import { strict as assert } from 'node:assert';
import { gzipSync } from 'node:zlib';
import type { Sha256 } from '../../server/core/address.ts';
import type { BootServed } from '../../server/core/boot-verdict.ts';
import { inspectFiles } from '../../server/files/inspect-files.ts';
import { contentInMemory } from '../../server/ports/artefacts.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { fdtNode } from '../../server/wire/fdt/tree.ts';
import { ubootBoard } from '../core/boot-fixtures.ts';
import { digest } from '../support/samples.ts';

const [KERNEL, INITRD, DTB, LOADER] = [digest('a'), digest('b'), digest('c'), digest('d')];
const served: BootServed = {
  ...{ purpose: 'agent', bundle: 'agent@1', board: 'b', format: 'extlinux', args: '', callsHome: true },
  ...{ kernel: KERNEL, initrd: INITRD, dtb: DTB },
};
const initrd = gzipSync(Buffer.alloc(100_000, 'x'));
const tree = (compatible: string): Uint8Array =>
  encodeFdt({
    ...{ bootCpuId: 0, reservations: [] },
    root: fdtNode('', [['compatible', new TextEncoder().encode(`${compatible}\0`)]]),
  });

/** A PE program of this machine whose only section ends there. */
function program(machine: number, end: number, octets: number): Uint8Array {
  const file = Buffer.alloc(octets);
  file.write('MZ');
  file.writeUInt32LE(0x40, 0x3c);
  file.writeUInt32LE(0x4550, 0x40);
  file.writeUInt16LE(machine, 0x44);
  file.writeUInt16LE(1, 0x46);
  file.writeUInt32LE(end - 512, 0x40 + 24 + 16);
  file.writeUInt32LE(512, 0x40 + 24 + 20);
  return file;
}
const good: readonly (readonly [Sha256, Uint8Array])[] = [
  [KERNEL, program(0xaa64, 8192, 8192)],
  [INITRD, initrd],
  [DTB, tree('acme,board')],
  [LOADER, program(0xaa64, 4096, 4096)],
];

function faults(...changed: readonly (readonly [Sha256, Uint8Array])[]): Promise<readonly string[]> {
  const files = new Map([...good, ...changed]);
  let open = 0;
  const board = { ...ubootBoard, compatible: ['acme,board'] };
  const inspect = inspectFiles({
    boards: { byName: () => board, openDtb: () => Promise.resolve(undefined) },
    openArtefact: (sha256) => {
      const octets = files.get(sha256);
      if (!octets) return Promise.resolve(undefined);
      open += 1;
      return Promise.resolve({ ...contentInMemory(sha256, octets), close: () => void (open -= 1) });
    },
  });
  return inspect.faultsOf(served, LOADER).then((found) => {
    assert.equal(open, 0, 'all were closed');
    return found.map(({ layer, cause }) => `${layer}: ${cause}`);
  });
}

describe('faults in what was served', () => {
  it('good files have none, and files that are gone tell nothing', async () => {
    assert.deepEqual(await faults(), []);
    assert.deepEqual(await faults([KERNEL, new Uint8Array(10)], [INITRD, new TextEncoder().encode('070701')]), []);
  });

  it('a kernel that is cut short, and one for another processor', async () => {
    assert.match(
      (await faults([KERNEL, program(0xaa64, 8192, 4096)])).join(),
      /^kernel: the kernel is cut short.*8192.*4096$/,
    );
    assert.match(
      (await faults([KERNEL, program(0x8664, 8192, 8192)])).join(),
      /kernel is for amd64, and the board is arm64/,
    );
  });

  it('a loader for another processor', async () => {
    assert.match(
      (await faults([LOADER, program(0x8664, 4096, 4096)])).join(),
      /^loader: the loader program is for amd64/,
    );
  });

  it('an initrd that cannot be unpacked to its end', async () => {
    assert.match(
      (await faults([INITRD, initrd.subarray(0, initrd.length - 20)])).join(),
      /^initrd: the initrd is damaged/,
    );
  });

  it('20 a rack that fails all at once has its initrd unpacked once', async () => {
    let reads = 0;
    const broken = initrd.subarray(0, initrd.length - 20);
    const inspect = inspectFiles({
      boards: { byName: () => ubootBoard, openDtb: () => Promise.resolve(undefined) },
      openArtefact: (sha256) => {
        if (sha256 !== INITRD) return Promise.resolve(undefined);
        reads += 1;
        return Promise.resolve(contentInMemory(sha256, broken));
      },
    });
    const found = await Promise.all(Array.from({ length: 200 }, () => inspect.faultsOf(served, undefined)));
    assert.ok(found.every(([fault]) => fault?.layer === 'initrd'));
    assert.equal(reads, 1);
  });

  it('a device tree of another board, and a damaged one', async () => {
    assert.match((await faults([DTB, tree('acme,other')])).join(), /of another board: of "acme,other"/);
    assert.match((await faults([DTB, new Uint8Array(100)])).join(), /device tree is damaged/);
  });
});
