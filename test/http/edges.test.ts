import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { FloodGate } from '../../server/http/flood-gate.ts';
import { listenHttp } from '../../server/http/listen.ts';
import { as, closeLabs, layHttpLab } from '../support/http-lab.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { digest, sampleMachine } from '../support/samples.ts';

describe('the flood gate', () => {
  afterEach(closeLabs);

  const limits = { burst: 3, perMinute: 60, sourcesMax: 2 };
  it('lets a burst through, then says how long to wait, then lets through again', () => {
    const clock = createFakeClock();
    const gate = new FloodGate(clock, limits);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => gate.knock('a')),
      [0, 0, 0, 1],
    );
    assert.equal(gate.knock('b'), 0, 'another source is another matter');
    clock.advance(1000);
    assert.deepEqual([gate.knock('a'), gate.knock('a')], [0, 1]);
  });
  it('remembers no more sources than it may', () => {
    const gate = new FloodGate(createFakeClock(), limits);
    for (let n = 0; n < 4; n += 1) gate.knock('a');
    for (let n = 0; n < 1000; n += 1) gate.knock(`source ${String(n)}`);
    assert.equal(gate.knock('a'), 0, 'the oldest was forgotten');
  });
  it('stands before the agent’s calls and says when to come back', async () => {
    const clock = createFakeClock();
    const lab = layHttpLab(undefined, { clock });
    const base = await lab.listen('tcp');
    const statuses: number[] = [];
    for (let n = 0; n < 61; n += 1) {
      const response = await fetch(`${base}/agent/v1/step`, { method: 'POST' });
      statuses.push(response.status);
      await response.arrayBuffer();
    }
    assert.deepEqual([statuses[0], statuses[59], statuses[60]], [403, 403, 429]);
    await lab.close();
  });
});

describe('listeners', () => {
  afterEach(closeLabs);
  const folder = mkdtempSync(join(tmpdir(), 'farrier-http-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('a unix socket is made for its owner only, answers, and is not taken twice', async () => {
    const path = join(folder, 'farrier.sock');
    const lab = layHttpLab();
    const server = await listenHttp(lab.app.handlerFor('socket'), { path });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const status = await new Promise((resolve, reject) => {
      const asked = request({ socketPath: path, path: '/api/v1/users' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
    assert.equal(status, 200);
    await assert.rejects(listenHttp(lab.app.handlerFor('socket'), { path }), /another Farrier/);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await lab.close();
  });

  it('what a crash left in the socket’s place is taken away', async () => {
    const path = join(folder, 'stale.sock');
    writeFileSync(path, '');
    const server = await listenHttp((_request, response) => response.end(), { path });
    await new Promise((resolve) => server.close(resolve));
  });

  it('has the limits of a hostile network', async () => {
    const server = await listenHttp((_request, response) => response.end(), { host: '127.0.0.1', port: 0 });
    assert.deepEqual([server.headersTimeout, server.timeout, server.maxConnections], [15_000, 60_000, 1000]);
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (part) => (text += part.toString()));
      socket.on('close', () => {
        resolve(text);
      });
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`);
    });
    assert.match(answer, /^HTTP\/1\.1 431/);
    await new Promise((resolve) => server.close(resolve));
  });

  it('an order that takes longer than a connection may be silent is answered all the same', async () => {
    const lab = layHttpLab(undefined, { powerTakesMs: 200 });
    const setting = { driver: 'ipmi', parameters: {} };
    await lab.store.machines.add(sampleMachine(1, { power: setting }), []);
    const server = await listenHttp(lab.app.handlerFor('socket'), { host: '127.0.0.1', port: 0 });
    server.setTimeout(50);
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const url = `http://127.0.0.1:${String(port)}/api/v1/machines/board-01/power/cycle`;
    assert.equal((await fetch(url, { method: 'POST' })).status, 200);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('an asker that has closed its side, as nc does, still gets its answer, however late', async () => {
    const lab = layHttpLab(undefined, { powerTakesMs: 100 });
    await lab.store.machines.add(sampleMachine(1, { power: { driver: 'ipmi', parameters: {} } }), []);
    const server = await listenHttp(lab.app.handlerFor('socket'), { host: '127.0.0.1', port: 0 });
    const address = server.address();
    const asker = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
    asker.end('POST /api/v1/machines/board-01/power/cycle HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    let answer = '';
    for await (const piece of asker.setEncoding('utf8')) answer += String(piece);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    await new Promise((resolve) => server.close(resolve));
  });

  it('a port that is taken is told', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await assert.rejects(
      listenHttp(() => undefined, { host: '127.0.0.1', port }),
      /is taken.*ss -ltnp/,
    );
    await new Promise((resolve) => other.close(resolve));
  });
});

describe('files through the server', () => {
  afterEach(closeLabs);

  it('styles and scripts have strong tags, and nothing else of the disk can be had', async () => {
    const lab = layHttpLab();
    const base = await lab.listen('tcp');
    const first = await fetch(`${base}/assets/farrier.css?v=1`);
    assert.equal(first.headers.get('content-type'), 'text/css; charset=utf-8');
    const etag = first.headers.get('etag') ?? '';
    assert.match(etag, /^"[0-9a-f]{64}"$/);
    const again = await fetch(`${base}/assets/farrier.css`, { headers: { 'If-None-Match': etag } });
    assert.equal(again.status, 304);
    await lab.close();
  });

  it('an artefact goes in as a stream of octets', async () => {
    const got: Buffer[] = [];
    const lab = layHttpLab((deps) => ({
      artefacts: {
        ...deps.artefacts,
        put: async (name, source) => {
          for await (const part of source) got.push(Buffer.from(part));
          return { name, sha256: digest('a'), octets: Buffer.concat(got).length };
        },
      },
    }));
    const base = await lab.listen('tcp');
    const send = (name: string, type: string): Promise<Response> =>
      fetch(`${base}/api/v1/artefacts?name=${encodeURIComponent(name)}`, {
        method: 'POST',
        headers: { ...as('operator'), 'Content-Type': type },
        body: Buffer.alloc(3 << 20, 7),
      });
    const done = await send('linux', 'application/octet-stream');
    assert.deepEqual([done.status, await done.json()], [201, { name: 'linux', sha256: digest('a'), octets: 3 << 20 }]);
    assert.equal((await lab.store.artefacts.bySha256(digest('a')))?.name, 'linux');
    assert.equal((await send('linux', 'application/json')).status, 415);
    for (const name of ['../linux', '.hidden', 'a b', ''])
      assert.equal((await send(name, 'application/octet-stream')).status, 400, name);
    await lab.close();
  });

  it('another part’s router answers below its path, before any session, with our headers', async () => {
    const router = express.Router();
    router.get('/:digest/:name', (request, response) => {
      response.send(request.params.name);
    });
    router.get('/broken', () => {
      throw new Error('canary-of-a-router');
    });
    const lab = layHttpLab(() => ({ routers: [{ path: '/boot', router }] }));
    const base = await lab.listen('tcp');
    const response = await fetch(`${base}/boot/0123456789abcdef/linux`);
    assert.deepEqual([response.status, await response.text()], [200, 'linux']);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    const broken = await fetch(`${base}/boot/broken`);
    assert.equal(broken.status, 500);
    assert.ok(!(await broken.text()).includes('canary'));
    await lab.close();
  });
});
