import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { byName } from '../read-machines.ts';
import { driverRoutes } from './drivers.ts';
import { EMPTY, NO_FIELDS, PLAIN, json, problem, route, type Route } from '../route.ts';
import { explainQuery } from '../schemas.ts';
import { explanationView, leaseView, networkView, viewOfLease, viewOfNetwork } from '../views.ts';
import { answerExplain, noBoard } from './outcomes.ts';

const boardView = z.looseObject({ name: z.string(), title: z.string(), arch: z.string(), proof: z.string() });
const findingView = z.object({
  file: z.string(),
  line: z.number().optional(),
  severity: z.enum(['error', 'warning']),
  words: z.string(),
  remedy: z.string(),
});

/** Boards, drivers, networks, leases, and what a stranger would get. */
export function catalogueRoutes(deps: HttpDeps): readonly Route[] {
  return [...boardRoutes(deps), ...driverRoutes(deps), ...networkRoutes(deps)];
}

function boardRoutes(deps: HttpDeps): readonly Route[] {
  return [
    route('GET /api/v1/boards', {
      ...PLAIN,
      summary: 'The board catalogue',
      answers: { 200: z.object({ boards: z.array(boardView) }) },
      run: () => json({ boards: [...deps.boards.list()].sort(byName) }),
    }),
    route('GET /api/v1/boards/{name}', {
      ...PLAIN,
      summary: 'One board',
      answers: { 200: boardView },
      run: ({ part }) => {
        const board = deps.boards.byName(part('name'));
        return board ? json(board) : noBoard(part('name'));
      },
    }),
    route('GET /api/v1/lint/boards', {
      ...PLAIN,
      summary: 'What is wrong in the board catalogue',
      answers: { 200: z.object({ findings: z.array(findingView) }) },
      run: async () => json({ findings: await deps.lintBoards() }),
    }),
  ];
}

function networkRoutes(deps: HttpDeps): readonly Route[] {
  return [
    route('GET /api/v1/leases', {
      ...PLAIN,
      summary: 'Addresses and who has them',
      answers: { 200: z.object({ leases: z.array(leaseView) }) },
      run: async () => json({ leases: (await deps.store.leases.list()).map(viewOfLease) }),
    }),
    route('GET /api/v1/networks', {
      ...PLAIN,
      summary: 'The networks that are served',
      answers: { 200: z.object({ networks: z.array(networkView) }) },
      run: () => json({ networks: deps.networks.map(viewOfNetwork) }),
    }),
    route('GET /api/v1/explain', {
      query: explainQuery,
      body: NO_FIELDS,
      summary: 'What a machine with this MAC and client architecture would get',
      answers: { 200: explanationView },
      run: async ({ query }) => {
        const arch = query.arch === undefined ? {} : { clientArch: query.arch };
        return answerExplain(await deps.explain({ mac: query.mac, ...arch }));
      },
    }),
    route('GET /healthz', {
      ...PLAIN,
      summary: 'The daemon runs',
      answers: { 204: undefined },
      run: () => EMPTY,
    }),
    route('GET /readyz', {
      ...PLAIN,
      summary: 'The daemon can serve',
      answers: { 204: undefined },
      run: async () => {
        const because = await deps.notReady();
        return because === undefined ? EMPTY : problem(503, 'not-ready', because);
      },
    }),
  ];
}
