import { strict as assert } from 'node:assert';
import type { Board } from '../../server/core/board.ts';
import { ubootBoard } from '../core/boot-fixtures.ts';
import { as, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';
import { buildFdt } from '../wire/fdt/build-fdt.ts';

type Json = Record<string, unknown>;

const bench: Board = {
  ...ubootBoard,
  name: 'bench',
  title: 'ACME Bench',
  compatible: ['acme,bench'],
  shadows: '/shipped/bench/board.yaml',
  dtbWish: { file: 'bench.dtb', source: 'the bench', licence: 'GPL-2.0', optional: true, debian: undefined },
};
const generic: Board = { ...ubootBoard, name: 'generic-arm64-uboot', signs: { ...ubootBoard.signs, clientArch: [22] } };
const tree = (model: string, compatible = 'acme,bench'): Uint8Array<ArrayBuffer> =>
  buildFdt({ name: '', properties: { model: `${model}\0`, compatible: `${compatible}\0` }, nodes: [] });

describe('boards over HTTP', () => {
  let lab: HttpLab;
  let base = '';
  beforeEach(async () => {
    const finding = { file: bench.file, line: 4, severity: 'warning' as const, words: 'a doubt', remedy: 'look' };
    lab = layHttpLab(() => ({ lintBoards: () => Promise.resolve([finding]) }), { boards: [bench, generic] });
    base = await lab.listen('tcp');
  });
  afterEach(() => lab.close());

  const call = async (
    method: string,
    path: string,
    sent?: Uint8Array<ArrayBuffer> | object,
  ): Promise<[number, Json]> => {
    const isOctets = sent instanceof Uint8Array;
    const type = isOctets ? 'application/octet-stream' : 'application/json';
    const response = await fetch(`${base}/api/v1${path}`, {
      method,
      headers: { ...as('operator'), ...(sent ? { 'Content-Type': type } : {}) },
      ...(sent ? { body: isOctets ? sent : JSON.stringify(sent) } : {}),
    });
    return [response.status, (await response.json()) as Json];
  };
  const page = async (path: string, role: 'operator' | 'viewer' = 'operator'): Promise<string> =>
    (await fetch(base + path, { headers: as(role) })).text();

  it('a device tree is imported, listed and rolled back', async () => {
    const [first, one] = await call('POST', '/boards/bench/dtbs?source=a%20package', tree('One'));
    assert.deepEqual([first, one['changed'], (one['version'] as Json)['source']], [201, true, 'a package']);
    assert.equal((await call('POST', '/boards/bench/dtbs', tree('One')))[0], 200, 'nothing new');
    await call('POST', '/boards/bench/dtbs', tree('Two'));
    const [, history] = await call('GET', '/boards/bench/dtbs');
    const versions = history['versions'] as readonly Json[];
    assert.deepEqual([history['current'], versions.map((each) => each['model'])], [2, ['One', 'Two']]);
    assert.equal(versions[0]?.['by'], 'a-operator');
    const [status, back] = await call('POST', '/boards/bench/dtbs/rollback', {});
    assert.deepEqual([status, (back['version'] as Json)['version']], [201, 1]);
    assert.equal((await call('POST', '/boards/bench/dtbs/rollback', { to: 9 }))[0], 404);
  });

  it('what cannot be is refused by name', async () => {
    const [status, other] = await call('POST', '/boards/bench/dtbs', tree('X', 'other,board'));
    assert.deepEqual([status, other['field']], [400, 'file']);
    assert.match(String(other['detail']), /is of "other,board", not of "acme,bench"/);
    assert.equal((await call('POST', '/boards/none/dtbs', tree('X')))[0], 404);
    assert.equal((await call('GET', '/boards/none/dtbs'))[0], 404);
    assert.equal((await call('POST', '/boards/bench/dtbs', { a: 1 }))[0], 415);
    assert.equal((await call('POST', '/boards/bench/dtbs?file=..%2Fx.dtb', tree('X')))[0], 400);
    assert.equal((await call('POST', '/boards/bench/dtbs', new Uint8Array((2 << 20) + 1)))[0], 413);
  });

  it('a URL without a digest is no order, and a failed fetch is told as such', async () => {
    assert.equal((await call('POST', '/boards/bench/dtbs/fetch', { url: 'https://x.example/x.dtb' }))[0], 400);
    const order = { url: 'https://x.example/x.dtb', sha256: 'a'.repeat(64) };
    const [status, failed] = await call('POST', '/boards/bench/dtbs/fetch', order);
    assert.deepEqual([status, failed['code']], [502, 'fetch-unreachable']);
  });

  it('a board is begun from a machine', async () => {
    const firmware = { clientArch: 22, vendorClass: 'U-Boot.armv8', userClass: undefined };
    await lab.store.machines.add(sampleMachine(1, { name: 'north-1', firmware }), []);
    const [status, made] = await call('POST', '/boards', { name: 'acme', machine: 'north-1' });
    assert.deepEqual([status, made['file']], [201, '/site/acme/board.yaml']);
    assert.match(String(made['text']), /^extends: generic-arm64-uboot$/m);
    const [event] = await lab.store.events.list({ limit: 1 });
    assert.match(event?.text ?? '', /a-operator began the board "acme" from north-1/);
    assert.equal((await call('POST', '/boards', { name: 'bench', machine: 'north-1' }))[0], 409);
    assert.equal((await call('POST', '/boards', { name: 'B!', machine: 'north-1' }))[0], 400);
    assert.equal((await call('POST', '/boards', { name: 'other', machine: 'nobody' }))[0], 404);
  });

  it('10 a name that leads out of the folder begins no board', async () => {
    const firmware = { clientArch: 22, vendorClass: 'U-Boot.armv8', userClass: undefined };
    await lab.store.machines.add(sampleMachine(1, { name: 'north-1', firmware }), []);
    for (const name of [
      '..',
      '../x',
      'a/../../x',
      '/etc/x',
      'a\\b',
      '.x',
      '__proto__',
      'a.b',
      'x-',
      `a${'b'.repeat(63)}`,
    ])
      assert.equal((await call('POST', '/boards', { name, machine: 'north-1' }))[0], 400, name);
    assert.deepEqual(await lab.store.events.list({ limit: 9 }), []);
  });

  it('the list shows shadows; the page of a board its sources, doubts, trees and the way back', async () => {
    assert.match(await page('/boards'), /href="\/boards\/bench"[^]*the site's own/);
    await call('POST', '/boards/bench/dtbs', tree('One'));
    await call('POST', '/boards/bench/dtbs', tree('Two'));
    const shown = await page('/boards/bench');
    for (const words of ['ACME Bench', '/shipped/bench/board.yaml', 'a doubt; look', 'One', 'Two', 'by a-operator'])
      assert.ok(shown.includes(words), words);
    assert.match(shown, /data-body='\{"to":1\}'/);
    assert.doesNotMatch(shown, /data-body='\{"to":2\}'/);
    assert.doesNotMatch(await page('/boards/bench', 'viewer'), /rollback/);
    assert.equal((await fetch(`${base}/boards/none`, { headers: as('viewer') })).status, 404);
  });
});
