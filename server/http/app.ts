import express, { type Express, type Request, type Response } from 'express';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import { agentRoutes } from './api/agent.ts';
import { boardDtbRoutes } from './api/board-dtbs.ts';
import { bundleRoutes } from './api/bundles.ts';
import { consoleRoutes } from './api/console.ts';
import { channelRoutes } from './api/channels.ts';
import { catalogueRoutes } from './api/catalogue.ts';
import { eventRoutes } from './api/events.ts';
import { machineRoutes } from './api/machines.ts';
import { parameterRoutes } from './api/parameters.ts';
import { flipTestRoutes } from './api/flip-test.ts';
import { powerRoutes } from './api/power.ts';
import { sessionRoutes } from './api/session.ts';
import { userRoutes } from './api/users.ts';
import { readAssets } from './assets.ts';
import type { Trust } from './auth.ts';
import type { HttpDeps } from './deps.ts';
import { createGate, type Gate } from './gate.ts';
import { createConsoleStreams } from './live/console-stream.ts';
import { StreamSet } from './live/sse.ts';
import { createPageHub } from './live/page-hub.ts';
import { openApi } from './openapi.ts';
import { pageRoutes } from './pages/routes.ts';
import { createPages } from './pages/render.ts';
import { PLAIN, json, route, type Route } from './route.ts';
import { setSecurityHeaders } from './headers.ts';

/** Event streams of both kinds that may be open at once. */
const STREAMS_MAX = 400;

/** The HTTP server's inside: one app, with a handler for each kind of listener. */
export interface HttpApp {
  handlerFor(trust: Trust): RequestListener;
  /** What such a listener does with requests for a WebSocket. */
  upgradeFor(trust: Trust): (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Every route there is, for tests and documents. */
  readonly routes: readonly Route[];
  /** Ends all streams: of events, and of consoles. */
  close(): void;
}

function apiRoutes(deps: HttpDeps, streams: StreamSet): readonly Route[] {
  const api = [
    ...sessionRoutes(deps),
    ...machineRoutes(deps),
    ...powerRoutes(deps),
    ...consoleRoutes(deps),
    ...flipTestRoutes(deps),
    ...parameterRoutes(deps),
    ...catalogueRoutes(deps),
    ...boardDtbRoutes(deps),
    ...bundleRoutes(deps),
    ...channelRoutes(deps),
    ...userRoutes(deps),
    ...eventRoutes(deps, streams),
    ...agentRoutes(deps),
  ];
  let document: object | undefined;
  const self: Route = route('GET /api/v1/openapi.json', {
    ...PLAIN,
    summary: 'This document',
    answers: { 200: undefined },
    run: () => json((document ??= openApi([...api, self], deps.version))),
  });
  return [...api, self];
}

function mount(app: Express, routes: readonly Route[], answer: Gate['answer'], trust: Trust): void {
  for (const each of routes) {
    const [method = '', path = ''] = each.operation.split(' ');
    const pattern = path.replace(/\{(\w+)\}/g, ':$1');
    const handler = (request: Request, response: Response): Promise<void> => answer(each, trust, request, response);
    if (method === 'GET') app.get(pattern, handler);
    else if (method === 'POST') app.post(pattern, handler);
    else if (method === 'PUT') app.put(pattern, handler);
    else if (method === 'PATCH') app.patch(pattern, handler);
    else app.delete(pattern, handler);
  }
}

function expressFor(trust: Trust, deps: HttpDeps, routes: readonly Route[], gate: Gate): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use((_request, response, next) => {
    setSecurityHeaders(response, gate.requestId());
    next();
  });
  for (const each of deps.routers) app.use(each.path, each.router);
  mount(app, routes, gate.answer, trust);
  app.use(gate.absent);
  app.use(gate.failed);
  return app;
}

/**
 * Makes the HTTP server's inside: API, pages, live streams. The listeners belong to the caller; each is given the
 * handler of its own trust.
 */
export function createHttpApp(deps: HttpDeps): HttpApp {
  const streams = new StreamSet(STREAMS_MAX);
  const assets = readAssets(deps.assetsFolder);
  const pages = createPages({ folder: deps.templatesFolder, digest: assets.digest, version: deps.version });
  const hub = createPageHub(deps, pages);
  const routes = [...apiRoutes(deps, streams), ...pageRoutes({ deps, pages, hub, streams }), assets.route];
  const gate = createGate(deps, pages);
  const consoles = createConsoleStreams(deps);
  const handlers = new Map<Trust, RequestListener>();
  return {
    routes,
    handlerFor: (trust) => {
      const known = handlers.get(trust) ?? expressFor(trust, deps, routes, gate);
      handlers.set(trust, known);
      return known;
    },
    upgradeFor: (trust) => (request, socket, head) => {
      consoles.upgrade(trust, request, socket, head);
    },
    close: () => {
      consoles.close();
      hub.close();
      streams.closeAll();
    },
  };
}
