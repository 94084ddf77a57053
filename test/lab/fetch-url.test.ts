import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSha256, type Sha256 } from '../../server/core/address.ts';
import { createFetchUrl } from '../../server/edges/fetch-url.ts';
import { httpExchange } from '../../server/edges/http-exchange.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { FetchError, type FetchUrl } from '../../server/ports/fetch.ts';

const FILE = Buffer.alloc(300_000, 'device tree ');

/** Every name is this host here: only what the fetcher ties its connection to can answer. */
const fetcher = (hosts: readonly string[]): FetchUrl =>
  createFetchUrl({
    clock: realClock,
    http: true,
    hosts,
    served: [],
    resolve: () => Promise.resolve(['127.0.0.1']),
    exchange: httpExchange,
  });

function digest(octets: Uint8Array): Sha256 {
  const found = parseSha256(createHash('sha256').update(octets).digest('hex'));
  assert.ok(found.ok);
  return found.value;
}

async function take(fetchUrl: FetchUrl, url: string): Promise<Buffer> {
  const got: Uint8Array[] = [];
  for await (const piece of fetchUrl({ url, sha256: digest(FILE), octetsMax: 1 << 20 })) got.push(piece);
  return Buffer.concat(got);
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at: AddressInfo | string | null = server.address();
  assert.ok(at !== null && typeof at === 'object');
  return at.port;
}

const withCode =
  (code: FetchError['code'], words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof FetchError && error.code === code && words.test(error.message);

describe('fetching from real web servers', () => {
  const servers: Server[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'farrier-fetch-'));
  const answer: RequestListener = (request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/file' }).end();
    else if (request.url === '/away') response.writeHead(302, { location: `http://other.lab${request.url}` }).end();
    else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': FILE.length });
      response.write(FILE.subarray(0, 1000), () => response.destroy());
    } else response.writeHead(200, { 'x-host': request.headers.host }).end(FILE);
  };
  let [plain, secure] = [0, 0];

  before(async () => {
    const key = join(folder, 'key.pem');
    const certificate = join(folder, 'certificate.pem');
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
        ...['-subj', '/CN=mirror.lab', '-keyout', key, '-out', certificate],
      ],
      { stdio: 'ignore', timeout: 30_000 },
    );
    servers.push(createServer(answer));
    servers.push(createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate) }, answer));
    const [first, second] = servers;
    assert.ok(first && second);
    [plain, secure] = [await portOf(first), await portOf(second)];
  });
  after(() => {
    for (const server of servers) server.close().closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  it('a named host is fetched from, redirects of its own followed', async () => {
    const mirror = fetcher(['mirror.lab']);
    assert.ok(FILE.equals(await take(mirror, `http://mirror.lab:${plain}/file`)));
    assert.ok(FILE.equals(await take(mirror, `http://mirror.lab:${plain}/moved`)));
  });

  it('other names that lead here are refused, by redirect too', async () => {
    await assert.rejects(take(fetcher([]), `http://mirror.lab:${plain}/file`), withCode('not-allowed', /127\.0\.0\.1/));
    const away = take(fetcher(['mirror.lab']), `http://mirror.lab:${plain}/away`);
    await assert.rejects(away, withCode('not-allowed', /other\.lab/));
  });

  it('a certificate nobody vouches for is refused', async () => {
    const asked = take(fetcher(['mirror.lab']), `https://mirror.lab:${secure}/file`);
    await assert.rejects(asked, withCode('unreachable', /certificate/i));
  });

  it('a file that breaks off is told as such', async () => {
    const cut = take(fetcher(['mirror.lab']), `http://mirror.lab:${plain}/cut`);
    await assert.rejects(cut, withCode('unreachable', /cannot be fetched/));
  });
});
