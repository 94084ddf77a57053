import { z } from 'zod';
import type { Artefact } from '../../core/bundle.ts';
import { countsOf, findInContents, parseKernelConfig, type BundleContents } from '../../core/bundle-contents.ts';
import { noBundle } from '../../services/bundles.ts';
import type { Sha256 } from '../../core/address.ts';
import type { HttpDeps } from '../deps.ts';
import { readOctets } from '../body.ts';
import { EMPTY, NO_FIELDS, PLAIN, json, problem, route, type Answer, type Route } from '../route.ts';
import { artefactQuery, bundleOrder, bundleQuery, importOrder } from '../schemas.ts';
import { answerBundle } from './outcomes.ts';

const GIB = 1 << 30;
const ARTEFACT_OCTETS_MAX = 4 * GIB;

const artefactView = z.object({ name: z.string(), sha256: z.string(), octets: z.number() });
const bundleView = z.object({
  name: z.string(),
  version: z.string(),
  arch: z.string(),
  role: z.enum(['agent', 'system']),
  kernel: artefactView,
  initrd: artefactView.optional(),
  kernelArgs: z.array(z.string()),
  loaders: z.array(artefactView),
  callsHome: z.boolean(),
  source: z.string(),
  createdMs: z.number(),
});
const names = z.array(z.string());
const contentsView = z.object({
  kernelForm: z.string(),
  kernelRelease: z.string().optional(),
  initrdUnread: z.string().optional(),
  needs: names,
  packages: z.array(artefactView),
  counts: z.record(z.string(), z.number()).describe('How many names there are of each kind; absent where unknown.'),
  found: z.record(z.string(), names).optional().describe('The names in which "find" stands, at most 500 of each kind.'),
});
const NAMES_FOUND_MAX = 500;

type Deps = Pick<HttpDeps, 'bundles' | 'importBundle' | 'store' | 'artefacts'>;
interface Named {
  readonly name: string;
  readonly sha256: Sha256;
}

/** Those that are stored, under the names they are given here. */
async function storedAll(deps: Deps, wanted: readonly Named[]): Promise<readonly Artefact[]> {
  const found: Artefact[] = [];
  for (const { name, sha256 } of wanted) {
    const known = await deps.store.artefacts.bySha256(sha256);
    if (known && (await deps.artefacts.has(sha256))) found.push({ ...known, name });
  }
  return found;
}

const absent = (field: string): Answer =>
  problem(400, 'unknown-artefact', `${field} names an artefact that is not stored; send it to POST /api/v1/artefacts`, {
    field,
  });

/** Bundles, and the artefacts they are made of. */
export function bundleRoutes(deps: Deps): readonly Route[] {
  return [
    route('GET /api/v1/bundles', {
      ...PLAIN,
      summary: 'All bundles',
      answers: { 200: z.object({ bundles: z.array(bundleView) }) },
      run: async () => json({ bundles: await deps.bundles.list() }),
    }),
    route('POST /api/v1/bundles', {
      query: NO_FIELDS,
      body: bundleOrder,
      summary: 'Makes a bundle of stored artefacts; it never changes afterwards',
      answers: { 201: bundleView },
      run: async ({ body, by }) => {
        const [kernel] = await storedAll(deps, [body.kernel]);
        if (!kernel) return absent('kernel');
        const initrds = await storedAll(deps, body.initrd ? [body.initrd] : []);
        if (body.initrd && !initrds[0]) return absent('initrd');
        const loaders = await storedAll(deps, body.loaders);
        if (loaders.length < body.loaders.length) return absent('loaders');
        const { config, modules, ...order } = body;
        const known = { config: config === undefined ? undefined : parseKernelConfig(config), modules };
        const outcome = await deps.bundles.add({ ...order, kernel, initrd: initrds[0], loaders, known }, by);
        return answerBundle(outcome, outcome.is === 'done' ? json(outcome.bundle, 201) : EMPTY);
      },
    }),
    route('GET /api/v1/bundles/{ref}', {
      query: bundleQuery,
      body: NO_FIELDS,
      summary: 'One bundle and what is in it: counts, and with "find" the names of flags, modules and programs',
      answers: { 200: z.object({ bundle: bundleView, contents: contentsView.optional() }) },
      run: async ({ part, query }) => {
        const ref = part('ref');
        const bundle = await deps.bundles.byRef(ref);
        if (!bundle) return answerBundle(noBundle(ref), EMPTY);
        const contents = await deps.bundles.contents(ref);
        return json({ bundle, contents: contents && viewOfContents(contents, query.find) });
      },
    }),
    route('DELETE /api/v1/bundles/{ref}', {
      ...PLAIN,
      summary: 'Forgets a bundle that no machine uses',
      answers: { 204: undefined },
      run: async ({ part, by }) => answerBundle(await deps.bundles.remove(part('ref'), by), EMPTY),
    }),
    importRoute(deps),
    artefactRoute(deps),
  ];
}

function viewOfContents(contents: BundleContents, find: string | undefined): z.infer<typeof contentsView> {
  const { kernelForm, kernelRelease, initrdUnread, needs, packages } = contents;
  const found = find === undefined ? {} : { found: findInContents(contents, find, NAMES_FOUND_MAX) };
  return z.parse(contentsView, {
    ...{ kernelForm, kernelRelease, initrdUnread, needs, packages, counts: countsOf(contents), ...found },
  });
}

function importRoute(deps: Deps): Route {
  return route('POST /api/v1/bundle-imports', {
    query: NO_FIELDS,
    body: importOrder,
    summary: 'Makes a bundle of stored Debian packages, of a netboot archive, or of one at a URL with its digest',
    answers: { 201: bundleView },
    run: async ({ body, by }) => {
      const from = 'url' in body.from ? body.from : { packages: await storedAll(deps, body.from.packages) };
      if ('packages' in from && 'packages' in body.from && from.packages.length < body.from.packages.length)
        return absent('packages');
      const [initrd] = await storedAll(deps, body.initrd ? [body.initrd] : []);
      if (body.initrd && !initrd) return absent('initrd');
      const outcome = await deps.importBundle({ ...body, version: body.version, arch: body.arch, from, initrd }, by);
      return answerBundle(outcome, outcome.is === 'done' ? json(outcome.bundle, 201) : EMPTY);
    },
  });
}

function artefactRoute(deps: Deps): Route {
  return route('POST /api/v1/artefacts', {
    query: artefactQuery,
    body: NO_FIELDS,
    takes: 'stream',
    summary: 'Stores a file by its content (application/octet-stream, at most 4 GiB)',
    answers: { 201: artefactView },
    run: async ({ query, request }) => {
      const octets = readOctets(request, ARTEFACT_OCTETS_MAX);
      const artefact = await deps.artefacts.put(query.name, octets, ARTEFACT_OCTETS_MAX);
      await deps.store.artefacts.add(artefact);
      return json(artefact, 201);
    },
  });
}
