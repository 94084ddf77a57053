import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { layLan, tool, type Lan } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { listOf, startFarrier, type FarrierProcess } from '../support/farrier-process.ts';
import { until } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

const base = (model: string): string => `/dts-v1/;
/ { model = "${model}"; compatible = "acme,bench", "acme,soc"; #address-cells = <1>; #size-cells = <1>;
  uart0: serial@9000 { compatible = "acme,uart"; reg = <0x9000 0x10>; status = "disabled"; };
  chosen { stdout-path = &uart0; }; };
`;
const OVERLAY = `/dts-v1/; /plugin/;
&uart0 { status = "okay"; clocks = <&fast>; };
&{/} { fast: oscillator { compatible = "fixed-clock"; clock-frequency = <24000000>; #clock-cells = <0>; }; };
`;
const BOARD = `title: ACME Bench
extends: generic-arm64-uboot
compatible: ["acme,bench"]
signs: { dtCompatible: ["acme,bench"] }
dtb:
  file: bench.dtb
  debian: { package: linux-image-acme, path: acme/bench.dtb }
  source: the package
  licence: GPL-2.0
proof: simulated
sources: ["compatible: this test"]
`;

describe('device trees of boards in a running daemon', function () {
  this.timeout(300_000);
  let lan: Lan;
  let farrier: FarrierProcess;
  let folder = '';

  const compile = async (name: string, source: string): Promise<string> => {
    await writeFile(join(folder, `${name}.dts`), source);
    const out = join(folder, name);
    await run('dtc', ['-q', '-@', '-I', 'dts', '-O', 'dtb', '-o', out, join(folder, `${name}.dts`)]);
    return out;
  };
  /** A Debian package with the tree in it, made by dpkg-deb. */
  const packageOf = async (dtb: string): Promise<string> => {
    const tree = join(folder, 'package');
    const lib = join(tree, 'usr/lib/linux-image-1-acme/acme');
    for (const each of [lib, join(tree, 'DEBIAN')]) await mkdir(each, { recursive: true });
    const control =
      'Package: linux-image-1-acme\nVersion: 1\nArchitecture: arm64\nMaintainer: x <x@y.z>\nDescription: x\n';
    await writeFile(join(tree, 'DEBIAN', 'control'), control);
    await writeFile(join(lib, 'bench.dtb'), await readFile(dtb));
    const deb = join(folder, 'linux-image-1-acme.deb');
    await run('dpkg-deb', ['--root-owner-group', '-b', tree, deb]);
    return deb;
  };
  const farrierCli = async (...args: readonly string[]): Promise<string> => {
    const socket = join(farrier.folder, 'data', 'farrier.sock');
    const all = ['--import', 'tsx', join(ROOT, 'server', 'main.ts'), '--socket', socket, ...args];
    return (await run(process.execPath, all, { cwd: ROOT })).stdout;
  };
  const servedDigest = async (): Promise<string> => {
    const board = await farrier.api.must('GET', '/api/v1/boards/bench');
    return String(memberOf(memberOf(board, 'dtb'), 'sha256'));
  };
  /** The octets as a board gets them, whole. */
  const fetched = async (digest: string, name: string): Promise<Buffer> => {
    const answer = await fetch(`${farrier.httpUrl}/boot/${digest.slice(0, 16)}/${name}`);
    assert.equal(answer.status, 200, `${name} ${digest}`);
    return Buffer.from(await answer.arrayBuffer());
  };

  before(async () => {
    lan = await layLan('dtb0', '10.96.0.1/24');
    folder = await mkdtemp(join(tmpdir(), 'farrier-dtbs-'));
    await mkdir(join(folder, 'site', 'bench'), { recursive: true });
    await writeFile(join(folder, 'site', 'bench', 'board.yaml'), BOARD);
    const network = { name: 'rack', interface: 'dtb0', subnet: '10.96.0.0/24', address: '10.96.0.1' };
    farrier = await startFarrier({
      networks: [{ ...network, pools: ['10.96.0.100-10.96.0.150'] }],
      boards: [join(folder, 'site')],
    });
  });
  after(async () => {
    await farrier.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  it('a tree out of a real package is served, and survives kill -9', async () => {
    const one = await compile('one.dtb', base('One'));
    const shown = await farrierCli('board', 'dtb', 'import', 'bench', '--from-deb', await packageOf(one));
    assert.match(shown, /^model +One$/m);
    assert.match(shown, /^source +linux-image-1-acme\.deb, file usr\/lib\/linux-image-1-acme\/acme\/bench\.dtb$/m);
    const digest = sha256(await readFile(one));
    assert.equal(await servedDigest(), digest);
    await farrier.kill9();
    await farrier.start();
    assert.equal(await servedDigest(), digest);
    assert.equal(sha256(await fetched(digest, 'bench.dtb')), digest);
    assert.match(await farrierCli('board', 'dtb', 'list', 'bench'), /\n1 +yes +One /);
  });

  it('G2: ten newer bundles over one another, the old ones removed, change no device tree', async () => {
    const digest = await servedDigest();
    const refs: string[] = [];
    for (let version = 1; version <= 10; version += 1) {
      const kernel = { name: 'Image', sha256: await farrier.api.upload('Image', Buffer.alloc(5000, version)) };
      const initrd = { name: 'bench.dtb', sha256: await farrier.api.upload('bench.dtb', Buffer.alloc(500, version)) };
      const order = { name: 'system', version: String(version), arch: 'arm64', role: 'system', source: 'test' };
      await farrier.api.must('POST', '/api/v1/bundles', { ...order, kernel, initrd });
      refs.push(`system@${version}`);
    }
    for (const ref of refs.slice(0, -1)) await farrier.api.must('DELETE', `/api/v1/bundles/${encodeURIComponent(ref)}`);
    assert.equal(await servedDigest(), digest);
    assert.equal(sha256(await fetched(digest, 'bench.dtb')), digest);
    await farrier.kill9();
    await farrier.start();
    assert.equal(await servedDigest(), digest);
    assert.equal(sha256(await fetched(digest, 'bench.dtb')), digest);
  });

  it('an overlay dropped beside the board is merged as fdtoverlay merges it', async () => {
    const overlay = await compile('on.dtbo', OVERLAY);
    await writeFile(join(folder, 'site', 'bench', 'on.dtbo'), await readFile(overlay));
    const bare = await servedDigest();
    // Whole at once: the daemon would find half a file broken, and the board gone.
    await writeFile(join(folder, 'board.yaml'), `${BOARD}overlays: [on.dtbo]\n`);
    await rename(join(folder, 'board.yaml'), join(folder, 'site', 'bench', 'board.yaml'));
    await until('another tree is served', async () => (await servedDigest()) !== bare, 60_000);
    const digest = await servedDigest();
    const octets = await fetched(digest, 'bench.dtb');
    assert.equal(sha256(octets), digest);
    const [ours, judged] = [join(folder, 'ours.dtb'), join(folder, 'judged.dtb')];
    await writeFile(ours, octets);
    await run('fdtoverlay', ['-i', join(folder, 'one.dtb'), '-o', judged, overlay]);
    const text = async (file: string): Promise<string> => tool('dtc', ['-q', '-s', '-I', 'dtb', '-O', 'dts', file]);
    assert.equal(await text(ours), await text(judged));
    assert.match(await text(ours), /status = "okay"/);
  });

  it('a newer tree is a version, and rollback brings the older one back', async () => {
    const two = await compile('two.dtb', base('Two'));
    await farrierCli('board', 'dtb', 'import', 'bench', '--file', two, '--source', 'a file');
    const history = await farrier.api.must('GET', '/api/v1/boards/bench/dtbs');
    assert.deepEqual(
      [memberOf(history, 'current'), listOf(history, 'versions').map((each) => memberOf(each, 'model'))],
      [2, ['One', 'Two']],
    );
    const second = await servedDigest();
    await farrierCli('board', 'dtb', 'rollback', 'bench');
    assert.notEqual(await servedDigest(), second);
    await assert.rejects(
      farrierCli('board', 'dtb', 'import', 'apm-mustang', '--file', two),
      /is of "acme,bench acme,soc"/,
    );
  });
});
