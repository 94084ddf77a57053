import { z } from 'zod';
import type { Artefact } from '../../core/bundle.ts';
import type { Sha256 } from '../../core/address.ts';
import type { HttpDeps } from '../deps.ts';
import { readOctets } from '../body.ts';
import { EMPTY, NO_FIELDS, PLAIN, json, problem, route, type Answer, type Route } from '../route.ts';
import { artefactQuery, bundleOrder } from '../schemas.ts';
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
  source: z.string(),
  createdMs: z.number(),
});

type Deps = Pick<HttpDeps, 'bundles' | 'store' | 'artefacts'>;
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
        const outcome = await deps.bundles.add({ ...body, kernel, initrd: initrds[0], loaders }, by);
        return answerBundle(outcome, outcome.is === 'done' ? json(outcome.bundle, 201) : EMPTY);
      },
    }),
    route('DELETE /api/v1/bundles/{ref}', {
      ...PLAIN,
      summary: 'Forgets a bundle that no machine uses',
      answers: { 204: undefined },
      run: async ({ part, by }) => answerBundle(await deps.bundles.remove(part('ref'), by), EMPTY),
    }),
    artefactRoute(deps),
  ];
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
