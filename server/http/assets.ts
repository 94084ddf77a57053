import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { PAGE, problem, route, type Route } from './route.ts';

interface Asset {
  readonly octets: Buffer;
  readonly type: string;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const require = createRequire(import.meta.url);
/** The terminal of the console page comes from its packages, under names of our own: no folder of theirs is served. */
const PACKAGED: readonly (readonly [name: string, file: () => string])[] = [
  ['xterm.js', () => require.resolve('@xterm/xterm/lib/xterm.mjs')],
  ['xterm.css', () => require.resolve('@xterm/xterm/css/xterm.css')],
  ['xterm-fit.js', () => require.resolve('@xterm/addon-fit/lib/addon-fit.mjs')],
  ['xterm-search.js', () => require.resolve('@xterm/addon-search/lib/addon-search.mjs')],
];

/** The styles and scripts of the pages, read once at start: no path from the wire ever reaches the disk. */
export interface Assets {
  readonly route: Route;
  /** Changes when any of them does; the pages append it to their addresses. */
  readonly digest: string;
}

/** Reads the assets of a folder, and those of packages. @throws when one cannot be read */
export function readAssets(folder: string): Assets {
  const assets = new Map<string, Asset>();
  const all = createHash('sha256');
  const own = readdirSync(folder)
    .sort()
    .map((name) => [name, join(folder, name)] as const);
  for (const [name, file] of [...own, ...PACKAGED.map(([name, where]) => [name, where()] as const)]) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const octets = readFileSync(file);
    all.update(octets);
    assets.set(name, { octets, type, etag: `"${createHash('sha256').update(octets).digest('hex')}"` });
  }
  return { digest: all.digest('hex').slice(0, 12), route: assetRoute(assets) };
}

function assetRoute(assets: ReadonlyMap<string, Asset>): Route {
  return route('GET /assets/{file}', {
    ...PAGE,
    summary: 'Styles and scripts of the pages',
    answers: { 200: undefined },
    run: ({ part, request, response }) => {
      const asset = assets.get(part('file'));
      if (!asset) return problem(404, 'not-found', 'no such file');
      response.setHeader('ETag', asset.etag);
      response.setHeader('Cache-Control', 'no-cache');
      if (request.headers['if-none-match'] === asset.etag) response.status(304).end();
      else response.type(asset.type).send(asset.octets);
      return { is: 'own' };
    },
  });
}
