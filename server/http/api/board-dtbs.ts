import { DTB_OCTETS_MAX } from '../../core/dtb-version.ts';
import { z } from 'zod';
import { readOctets } from '../body.ts';
import type { HttpDeps } from '../deps.ts';
import { NO_FIELDS, PLAIN, json, route, type Route } from '../route.ts';
import { boardDraft, dtbFetch, dtbQuery, dtbRollback } from '../schemas.ts';
import { answerDraft, answerDtb, noBoard } from './outcomes.ts';

const versionView = z.object({
  board: z.string(),
  version: z.number(),
  sha256: z.string(),
  octets: z.number(),
  file: z.string(),
  model: z.string().optional(),
  compatible: z.array(z.string()),
  source: z.string(),
  licence: z.string(),
  atMs: z.number(),
  by: z.string(),
});
const historyView = z.object({ current: z.number(), versions: z.array(versionView) });
const changeView = z.object({ version: versionView.optional(), changed: z.boolean() });
const draftView = z.object({ name: z.string(), file: z.string(), text: z.string() });

/** Boards of the site's own, and the device trees that are imported for boards. */
export function boardDtbRoutes(deps: Pick<HttpDeps, 'boardDtbs' | 'boardDrafts'>): readonly Route[] {
  const changed = { 200: changeView, 201: changeView };
  return [
    route('POST /api/v1/boards', {
      query: NO_FIELDS,
      body: boardDraft,
      summary: "Begins a board in the site's folder from a machine that has tried to boot",
      answers: { 201: draftView },
      run: async ({ body, by }) => answerDraft(await deps.boardDrafts.draft(body.name, body.machine, by)),
    }),
    route('GET /api/v1/boards/{name}/dtbs', {
      ...PLAIN,
      summary: 'The device trees that were imported for a board',
      answers: { 200: historyView },
      run: async ({ part }) => {
        const history = await deps.boardDtbs.history(part('name'));
        return history ? json(history) : noBoard(part('name'));
      },
    }),
    route('POST /api/v1/boards/{name}/dtbs', {
      query: dtbQuery,
      body: NO_FIELDS,
      takes: 'stream',
      summary: 'Imports a device tree (application/octet-stream) and serves it from then on',
      answers: changed,
      run: async ({ part, query, request, by }) => {
        const octets = readOctets(request, DTB_OCTETS_MAX);
        return answerDtb(await deps.boardDtbs.add(part('name'), octets, query, by));
      },
    }),
    route('POST /api/v1/boards/{name}/dtbs/fetch', {
      query: NO_FIELDS,
      body: dtbFetch,
      summary: 'Fetches a device tree by URL and digest and serves it from then on',
      answers: changed,
      run: async ({ part, body, by }) => {
        const { url, sha256, ...order } = body;
        return answerDtb(await deps.boardDtbs.fetch(part('name'), { url, sha256 }, order, by));
      },
    }),
    route('POST /api/v1/boards/{name}/dtbs/rollback', {
      query: NO_FIELDS,
      body: dtbRollback,
      summary: 'Serves an earlier device tree again; version 0 is the file beside board.yaml',
      answers: changed,
      run: async ({ part, body, by }) => answerDtb(await deps.boardDtbs.rollback(part('name'), body.to, by)),
    }),
  ];
}
