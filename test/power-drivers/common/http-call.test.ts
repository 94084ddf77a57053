import { strict as assert } from 'node:assert';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpCall, type HttpCall } from '../../../power-drivers/common/http-call.ts';
import { PowerError, type PowerErrorCode } from '../../../server/ports/power-driver.ts';
import { makeTlsCertificate, type TlsCertificate } from '../../support/tls-certificate.ts';

const forever = new AbortController().signal;

describe('an HTTP call to a controller', () => {
  let open: { readonly server: Server; readonly sockets: Set<Socket> }[];
  beforeEach(() => {
    open = [];
  });
  afterEach(() => {
    for (const { server, sockets } of open) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  });

  const listening = async (server: Server, at?: string): Promise<number> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    open.push({ server, sockets });
    await new Promise<void>((resolve) => {
      if (at === undefined) server.listen(0, '127.0.0.1', resolve);
      else server.listen(at, resolve);
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  /** A server that says these octets to whoever has asked anything. */
  const saying = async (octets: string, after: 'end' | 'reset' | 'silence' = 'end'): Promise<URL> => {
    const port = await listening(
      createServer((socket) => {
        socket.once('data', () => {
          socket.write(octets, () => {
            if (after === 'end') socket.end();
            if (after === 'reset') socket.resetAndDestroy();
          });
        });
      }),
    );
    return new URL(`http://127.0.0.1:${port}/`);
  };
  const get = (url: URL, more: Partial<HttpCall> = {}, signal = forever) =>
    httpCall({ url, method: 'GET', ...more }, signal);
  const failure = async (doing: Promise<unknown>, code: PowerErrorCode): Promise<string> => {
    const thrown: unknown = await doing.then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof PowerError, String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    return thrown.message;
  };

  it('says method, path, headers and body, and hears status, headers and body', async () => {
    const asked: string[] = [];
    const port = await listening(
      createHttpServer((request, reply) => {
        request.setEncoding('utf8');
        let body = '';
        request.on('data', (text: string) => (body += text));
        request.on('end', () => {
          const { method, url, headers } = request;
          asked.push(`${method} ${url} ${headers.host} ${headers.connection} ${headers['if-match']} ${body}`);
          reply.writeHead(412, { etag: '"7"' }).end('grüße');
        });
      }),
    );
    const url = new URL(`http://127.0.0.1:${port}/a%20b?c=d`);
    const call = { method: 'PATCH', headers: { 'if-match': '"6"' }, body: '{"x":1}' } as const;
    const reply = await get(url, call);
    assert.deepEqual(asked, [`PATCH /a%20b?c=d 127.0.0.1:${port} close "6" {"x":1}`]);
    assert.deepEqual([reply.status, reply.headers.etag, reply.body], [412, '"7"', 'grüße']);
  });

  it('does not follow a redirect', async () => {
    const reply = await get(await saying('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n'));
    assert.equal(reply.status, 302);
  });

  it('reaches a server on a UNIX socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'farrier-call-'));
    try {
      const socketPath = join(folder, 'api');
      const hosts: (string | undefined)[] = [];
      const answer: RequestListener = (request, reply) => {
        hosts.push(request.headers.host);
        reply.end('here');
      };
      await listening(createHttpServer(answer), socketPath);
      assert.equal((await get(new URL('http://unix/1.0'), { socketPath })).body, 'here');
      assert.deepEqual(hosts, ['localhost']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  describe('that goes wrong', () => {
    it('nobody listens: unreachable, with the address', async () => {
      const port = await listening(createServer());
      open[0]?.server.close();
      assert.match(await failure(get(new URL(`http://127.0.0.1:${port}/`)), 'unreachable'), new RegExp(`:${port}`));
    });

    const bad: readonly (readonly [string, string, 'end' | 'reset', PowerErrorCode])[] = [
      ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"state":', 'end', 'unreachable'],
      ['half a header', 'HTTP/1.1 200 OK\r\nContent-', 'end', 'unreachable'],
      ['a reset', '', 'reset', 'unreachable'],
      ['a reset within the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab', 'reset', 'unreachable'],
      ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'end', 'unreachable'],
      ['headers without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`, 'end', 'unreachable'],
      ['a longer body than is read', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1_100_000)}`, 'end', 'refused'],
    ];
    for (const [title, octets, after, code] of bad)
      it(`${title}: ${code}`, async () => {
        assert.match(await failure(get(await saying(octets, after)), code), /^127\.0\.0\.1:\d+: /);
      });

    for (const [title, octets] of [
      ['before any answer', ''],
      ['in the middle of the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab'],
    ] as const)
      it(`stopped ${title}: timeout, and the connection is closed`, async () => {
        const stop = new AbortController();
        let closed: Promise<void> | undefined;
        const port = await listening(
          createServer((socket) => {
            closed = new Promise((resolve) =>
              socket.once('close', () => {
                resolve();
              }),
            );
            socket.once('data', () => {
              socket.write(octets);
              setImmediate(() => {
                stop.abort();
              });
            });
          }),
        );
        await failure(get(new URL(`http://127.0.0.1:${port}/`), {}, stop.signal), 'timeout');
        await closed;
      });

    it('stopped before it began: timeout, and nobody is called', async () => {
      await failure(get(new URL('http://127.0.0.1:1/'), {}, AbortSignal.abort()), 'timeout');
    });
  });

  describe('over TLS', () => {
    let own: TlsCertificate;
    let other: TlsCertificate;
    let asked: number;
    let url: URL;
    before(async () => {
      [own, other] = await Promise.all([makeTlsCertificate(), makeTlsCertificate()]);
    });
    beforeEach(async () => {
      asked = 0;
      const port = await listening(
        createHttpsServer({ key: own.key, cert: own.cert }, (_, reply) => {
          asked += 1;
          reply.end('safe');
        }),
      );
      url = new URL(`https://127.0.0.1:${port}/`);
    });

    it('a pinned certificate is the right one, with colons or without, in any letters', async () => {
      const colons = (own.fingerprint.match(/../g) ?? []).join(':').toUpperCase();
      for (const tlsFingerprint of [own.fingerprint, colons])
        assert.equal((await get(url, { tlsFingerprint })).body, 'safe');
    });

    it('one nobody vouches for is refused with its fingerprint, before anything is said', async () => {
      const message = await failure(get(url), 'config');
      assert.ok(message.includes(own.fingerprint) && message.includes('tlsFingerprint'), message);
      assert.equal(asked, 0);
    });

    it('another than the pinned one is auth, before anything is said', async () => {
      const message = await failure(get(url, { tlsFingerprint: other.fingerprint }), 'auth');
      assert.ok(message.includes(own.fingerprint), message);
      assert.equal(asked, 0);
    });

    it('a server without TLS is unreachable', async () => {
      const plain = await saying('HTTP/1.1 200 OK\r\n\r\n');
      await failure(get(new URL(`https://${plain.host}/`), { tlsFingerprint: own.fingerprint }), 'unreachable');
    });

    it('stopped while the server does not shake hands: timeout', async () => {
      const stop = new AbortController();
      const port = await listening(
        createServer((socket) => {
          socket.once('data', () => {
            stop.abort();
          });
        }),
      );
      await failure(get(new URL(`https://127.0.0.1:${port}/`), {}, stop.signal), 'timeout');
    });
  });
});
