import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tool } from '../../lab/netns.ts';
import { readFdt } from '../../server/wire/fdt/fdt.ts';
import {
  buildLegacyImage,
  buildScriptImage,
  parseLegacyImage,
  parseScriptImage,
  type LegacyImage,
} from '../../server/wire/uboot/legacy-image.ts';
import { fitPieces, type FitPart } from '../../server/wire/uboot/fit.ts';
import { buildFdt } from '../wire/fdt/build-fdt.ts';

const MADE_AT_S = 1_700_000_000;
const run = promisify(execFile);
const SCRIPT = "echo 'Farrier'\nsetenv bootargs 'a=\"b c\" ü'\n";

describe("u-boot's and the kernel's own tools agree with our images", () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-mkimage-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function mkimage(payload: Uint8Array, args: readonly string[]): Promise<Buffer> {
    writeFileSync(at('payload'), payload);
    await run('mkimage', [...args, '-d', at('payload'), at('image')], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(MADE_AT_S) },
    });
    return readFileSync(at('image'));
  }

  it('a script equals the one of mkimage, octet by octet', async () => {
    const args = ['-A', 'arm', '-O', 'linux', '-T', 'script', '-C', 'none', '-n', 'Farrier'];
    const theirs = await mkimage(Buffer.from(SCRIPT), args);
    assert.deepEqual(
      Buffer.from(buildScriptImage(SCRIPT, { arch: 'armhf', name: 'Farrier', madeAtS: MADE_AT_S })),
      theirs,
    );
    assert.deepEqual(parseScriptImage(theirs), { ok: true, value: SCRIPT });
  });

  const kinds: readonly (readonly [string, Partial<LegacyImage>, readonly string[]])[] = [
    [
      'uImage',
      { arch: 'armhf', type: 'kernel', load: 0x8000, entry: 0x8040 },
      ['-A', 'arm', '-T', 'kernel', '-a', '8000', '-e', '8040'],
    ],
    [
      'uInitrd',
      { arch: 'arm64', type: 'ramdisk', compression: 'gzip' },
      ['-A', 'arm64', '-T', 'ramdisk', '-C', 'gzip'],
    ],
    [
      '64-bit kernel',
      { arch: 'amd64', type: 'kernel', compression: 'lz4' },
      ['-A', 'x86_64', '-T', 'kernel', '-C', 'lz4', '-a', '0', '-e', '0'],
    ],
  ];
  for (const [title, change, args] of kinds)
    it(`a ${title} equals the one of mkimage, and reads back`, async () => {
      const payload = Buffer.from('not a kernel, but it has octets');
      const image: LegacyImage = {
        os: 'linux',
        arch: 'armhf',
        type: 'kernel',
        compression: 'none',
        load: 0,
        entry: 0,
        name: title,
        madeAtS: MADE_AT_S,
        payload,
        ...change,
      };
      const none = args.includes('-C') ? [] : ['-C', 'none'];
      const theirs = await mkimage(payload, ['-O', 'linux', '-n', title, ...none, ...args]);
      assert.deepEqual(Buffer.from(buildLegacyImage(image)), theirs);
      const read = parseLegacyImage(theirs);
      assert.ok(read.ok);
      assert.deepEqual({ ...read.value, payload: Buffer.from(read.value.payload) }, image);
    });

  it('dumpimage reads a script of ours and finds its sums right', async () => {
    writeFileSync(at('ours'), buildScriptImage(SCRIPT, { arch: 'arm64', name: 'Farrier', madeAtS: MADE_AT_S }));
    const said = await tool('dumpimage', ['-l', at('ours')]);
    assert.match(said, /Image Name: +Farrier/);
    assert.match(said, /Image Type: +AArch64 Linux Script \(uncompressed\)/);
    await tool('dumpimage', ['-T', 'script', '-p', '0', '-o', at('text'), at('ours')]);
    assert.equal(readFileSync(at('text')).toString('utf8', 8), SCRIPT); // it leaves the list of sizes on
  });

  it('dumpimage and mkimage read a FIT of ours, and take its parts out whole', async () => {
    const parts = { kernel: 'a kernel '.repeat(100), ramdisk: 'an initrd '.repeat(90), fdt: 'a tree '.repeat(200) };
    const part = (text: string): FitPart<{ octets: Buffer }> => {
      const octets = Buffer.from(text);
      return { content: { octets }, octets: octets.length, sha256: createHash('sha256').update(octets).digest() };
    };
    const [kernel, initrd, dtb] = [part(parts.kernel), part(parts.ramdisk), part(parts.fdt)];
    const at40 = { load: 0x40080000, entry: 0x40080000 };
    const pieces = fitPieces({ arch: 'arm64', kernel, packing: 'gzip', ...at40, initrd, dtb });
    writeFileSync(at('fit'), Buffer.concat(pieces.map((each) => ('octets' in each ? each.octets : each))));
    for (const program of ['dumpimage', 'mkimage']) {
      const said = await tool(program, ['-l', at('fit')]);
      assert.match(said, /Type: +Kernel Image\s+Compression: +gzip compressed/);
      assert.match(said, /Architecture: AArch64\s+OS: +Linux\s+Load Address: 0x40080000/);
      assert.match(said, new RegExp(`Hash value: +${Buffer.from(kernel.sha256).toString('hex')}`));
      assert.match(said, /Default Configuration: 'board'/);
      assert.match(said, /Kernel: +kernel\s+Init Ramdisk: ramdisk\s+FDT: +fdt/);
    }
    for (const [nth, text] of [parts.kernel, parts.ramdisk, parts.fdt].entries()) {
      await tool('dumpimage', ['-T', 'flat_dt', '-p', String(nth), '-o', at('part'), at('fit')]);
      assert.equal(readFileSync(at('part'), 'utf8'), text);
    }
  });

  it('a tree that dtc compiled reads as fdtget reads it', async () => {
    const source =
      '/dts-v1/; / { model = "Bench"; compatible = "a,b", "c,d"; x { y = <1 2 3>; }; chosen { bootargs = "quiet"; }; };';
    writeFileSync(at('t.dts'), source);
    await tool('dtc', ['-O', 'dtb', '-p', '512', '-o', at('t.dtb'), at('t.dts')]);
    const tree = readFdt(readFileSync(at('t.dtb')));
    assert.ok(tree.ok);
    assert.equal(`${tree.value.model ?? ''}\n`, await tool('fdtget', [at('t.dtb'), '/', 'model']));
    assert.equal(`${tree.value.compatible.join(' ')}\n`, await tool('fdtget', [at('t.dtb'), '/', 'compatible']));
    assert.equal(`${tree.value.bootargs ?? ''}\n`, await tool('fdtget', [at('t.dtb'), '/chosen', 'bootargs']));
  });

  it("the tests' own trees are ones that fdtget reads", async () => {
    writeFileSync(at('own.dtb'), buildFdt({ name: '', properties: { model: 'Own\0' }, nodes: [] }));
    assert.equal(await tool('fdtget', [at('own.dtb'), '/', 'model']), 'Own\n');
  });
});
