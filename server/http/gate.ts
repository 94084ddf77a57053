import type { NextFunction, Request, Response } from 'express';
import { StaleWrite, StoreUnavailable, Taken } from '../ports/store.ts';
import { peerOf, whoAsks, type Trust, type Who } from './auth.ts';
import { readJson } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { isCrossSite } from './headers.ts';
import type { Pages } from './pages/render.ts';
import { ProblemError, problemBody, type Problem } from './problem.ts';
import { RIGHTS, suffices } from './rights.ts';
import type { Answer, Route } from './route.ts';

/** What every request passes on its way to a route and back. */
export interface Gate {
  requestId(): string;
  answer(route: Route, trust: Trust, request: Request, response: Response): Promise<void>;
  /** For whatever no route answers to. */
  absent(request: Request, response: Response): void;
  /** The one boundary that catches what another router threw. */
  failed(error: unknown, request: Request, response: Response, next: NextFunction): void;
}

type AgentGate = (request: Request, from: string) => Problem | undefined;
type Deps = Pick<HttpDeps, 'users' | 'clock' | 'rng' | 'log'>;

const CROSS_SITE: Problem = {
  status: 403,
  code: 'cross-site',
  detail: 'another site’s page asked for this; open Farrier’s own page',
};
const NOT_LOGGED_IN: Problem = { status: 401, code: 'not-logged-in', detail: 'log in first, at /login' };

function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof StaleWrite)
    return { status: 409, code: 'changed-meanwhile', detail: 'somebody changed it meanwhile; look again and retry' };
  if (error instanceof Taken) return { status: 409, code: 'taken', detail: error.message };
  if (error instanceof StoreUnavailable) return { status: 503, code: 'store-unavailable', detail: error.message };
  if (error instanceof URIError) return { status: 400, code: 'bad-path', detail: 'the path is not well encoded' };
  return { status: 500, code: 'internal', detail: 'Farrier made a mistake; its log has the request id' };
}

function wantsPage(request: Request): boolean {
  return request.method === 'GET' && !/^\/(api|agent|boot|events)\//.test(request.path) && !!request.accepts('html');
}

function isAllowed(route: Route, who: Who | undefined): boolean {
  return suffices(who?.role, RIGHTS[route.operation]);
}

/** Makes the gate: origin, rights, body, answer, errors. */
export function createGate(deps: Deps, agentGate: AgentGate, pages: Pages): Gate {
  const requestId = (): string => Buffer.from(deps.rng.octets(6)).toString('hex');

  const tellProblem = (request: Request, response: Response, problem: Problem, who?: Who): void => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const id = String(response.getHeader('X-Request-Id') ?? '');
    if (problem.retryAfterS !== undefined) response.setHeader('Retry-After', problem.retryAfterS);
    // A body nobody will read must not hold the connection.
    if (!request.complete) response.setHeader('Connection', 'close');
    if (problem.status === 401 && wantsPage(request)) {
      response.redirect(303, `/login?next=${encodeURIComponent(request.originalUrl)}`);
      return;
    }
    const body = problemBody(problem, id);
    response.status(problem.status);
    if (wantsPage(request)) response.type('html').send(pages.problem(problem, id, who));
    else response.type('application/problem+json').send(JSON.stringify(body));
  };

  const tell = (request: Request, response: Response, answer: Answer, who: Who | undefined): void => {
    switch (answer.is) {
      case 'json':
        response.status(answer.status).type('json').send(JSON.stringify(answer.body));
        return;
      case 'html':
        response.status(answer.status).type('html').send(answer.body);
        return;
      case 'empty':
        response.status(204).end();
        return;
      case 'problem':
        tellProblem(request, response, answer.problem, who);
        return;
      case 'own':
        return;
    }
  };

  const failed = (error: unknown, request: Request, response: Response): void => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      deps.log.error('http: a request failed', {
        method: request.method,
        path: request.path,
        requestId: String(response.getHeader('X-Request-Id') ?? ''),
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    tellProblem(request, response, problem);
  };

  const refusal = (route: Route, request: Request, who: Who | undefined): Problem | undefined => {
    const isUnsafe = !['GET', 'HEAD'].includes(request.method);
    const isStream = request.path.includes('/events');
    if ((isUnsafe || isStream) && isCrossSite(request)) return CROSS_SITE;
    if (RIGHTS[route.operation] === 'agent') return agentGate(request, peerOf(request));
    if (isAllowed(route, who)) return undefined;
    if (!who) return NOT_LOGGED_IN;
    const need = RIGHTS[route.operation];
    return { status: 403, code: 'not-allowed', detail: `this needs the role ${need}; ${who.name} is ${who.role}` };
  };

  const answer: Gate['answer'] = async (route, trust, request, response) => {
    try {
      const whoNow = (): Promise<Who | undefined> => whoAsks(trust, deps.users, request);
      const who = await whoNow();
      const no = refusal(route, request, who);
      if (no) {
        tellProblem(request, response, no, who);
        return;
      }
      const body = route.takes === 'stream' || request.method === 'GET' ? {} : await readJson(request, deps.clock);
      const part = (name: string): string => String(request.params[name] ?? '');
      const by = who?.name ?? 'nobody';
      const from = peerOf(request);
      const { query } = request;
      tell(request, response, await route.run({ part, query, body, who, by, from, request, response, whoNow }), who);
    } catch (error) {
      failed(error, request, response);
    }
  };

  return {
    requestId,
    answer,
    absent: (request, response) => {
      tellProblem(request, response, { status: 404, code: 'not-found', detail: 'nothing is here' });
    },
    failed: (error, request, response, _next) => {
      failed(error, request, response);
    },
  };
}
