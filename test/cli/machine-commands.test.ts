import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';
import { machine01, machine02 } from './samples.ts';

describe('farrier machine', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
  });
  afterEach(() => daemon.close());

  it('list --loader holds those whose loader, version or vendor class has the words', async () => {
    const firmware = { loader: 'ipxe', loaderVersion: '1.21.1', vendorClass: 'PXEClient:Arch:00007' };
    const machines = [
      { ...machine01, firmware },
      { ...machine02, firmware: { loader: 'u-boot' } },
    ];
    daemon.on('GET /machines', { status: 200, body: { machines } });
    const named = async (words: string): Promise<string> =>
      (await daemon.run(['machine', 'list', '--loader', words, '-o', 'name'])).out;
    assert.equal(await named('u-boot'), 'board-02\n');
    assert.equal(await named('iPXE 1.21'), 'board-01\n');
    assert.equal(await named('arch:00007'), 'board-01\n');
    assert.equal(await named('grub'), '');
    assert.match((await daemon.run(['machine', 'list'])).out, / ipxe 1\.21\.1 /);
  });

  it('edit stores the device tree and the overlays first, and sends what names them', async () => {
    const stored = (name: string, digit: string): string => {
      const body = { name, sha256: digit.repeat(64), octets: 1 };
      daemon.on(`POST /artefacts?name=${name}`, { status: 201, body });
      writeFileSync(join(daemon.folder, name), name);
      return join(daemon.folder, name);
    };
    daemon.on('PATCH /machines/board-01', {
      status: 200,
      body: { ...machine01, dtb: 'a'.repeat(64), overlays: ['b'.repeat(64)] },
    });
    const [own, uart, i2c] = [stored('own.dtb', 'a'), stored('uart.dtbo', 'b'), stored('i2c.dtbo', 'c')];
    const ran = await daemon.run(['machine', 'edit', 'board-01', '--dtb', own, '--overlay', uart, i2c]);
    assert.deepEqual(daemon.got.at(-1)?.body, { dtb: 'a'.repeat(64), overlays: ['b'.repeat(64), 'c'.repeat(64)] });
    assert.match(ran.out, /^own device tree +a{64}$/m);
    assert.match(ran.out, /^overlays +b{64}$/m);
    await daemon.run(['machine', 'edit', 'board-01', '--clear', 'dtb', 'overlays']);
    assert.deepEqual(daemon.got.at(-1)?.body, { dtb: null, overlays: [] });
    const gone = await daemon.run(['machine', 'edit', 'board-01', '--overlay', '/nonesuch.dtbo']);
    assert.deepEqual([gone.exit, gone.err], [2, 'farrier: /nonesuch.dtbo cannot be read: there is no such file\n']);
  });

  it('edit says in which rack and slot it sits, and takes it out again', async () => {
    daemon.on('PATCH /machines/board-01', { status: 200, body: { ...machine01, rack: 'r1', slot: '3-4' } });
    const ran = await daemon.run(['machine', 'edit', 'board-01', '--rack', 'r1', '--slot', '3-4']);
    assert.deepEqual(daemon.got.at(-1)?.body, { rack: 'r1', slot: '3-4' });
    assert.match(ran.out, /^rack +r1$/m);
    assert.match(ran.out, /^slot +3-4$/m);
    await daemon.run(['machine', 'edit', 'board-01', '--clear', 'rack', 'slot']);
    assert.deepEqual(daemon.got.at(-1)?.body, { rack: null, slot: null });
  });

  it('timeline as JSON holds the boots with their verdicts beside the events', async () => {
    const verdict = { state: 'failed', words: 'the kernel panicked', others: [] };
    const body = { boots: [{ id: 'b1', startedMs: 0, verdict }], events: [] };
    daemon.on('GET /machines/board-01/timeline', { status: 200, body });
    const { out } = await daemon.run(['machine', 'timeline', 'board-01', '-o', 'json']);
    assert.deepEqual(JSON.parse(out), body);
  });
});
