import type { ErrorRequestHandler, Request, Response } from 'express';
import { createAgentGate } from './agent-gate.ts';
import { peerOf, whoAsks, type Trust, type Who } from './auth.ts';
import { readJson } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { isCrossSite } from './headers.ts';
import type { Pages } from './pages/render.ts';
import type { Problem } from './problem.ts';
import { RIGHTS, suffices, type Right } from './rights.ts';
import { IDLE_TIMEOUT_MS } from './listen.ts';
import type { Answer, Ask, Route } from './route.ts';
import { problemOf, requestIdOf, tell, tellProblem } from './tell.ts';

/** What every request passes on its way to a route and back. */
export interface Gate {
  readonly requestId: () => string;
  readonly answer: (route: Route, trust: Trust, request: Request, response: Response) => Promise<void>;
  /** For whatever no route answers to. */
  readonly absent: (request: Request, response: Response) => void;
  /** The boundary that catches what another router threw. */
  readonly failed: ErrorRequestHandler;
}

type Deps = Pick<HttpDeps, 'users' | 'clock' | 'rng' | 'log'>;
type AgentGate = ReturnType<typeof createAgentGate>;

const ABSENT: Problem = { status: 404, code: 'not-found', detail: 'nothing is here' };
const NOT_LOGGED_IN: Problem = { status: 401, code: 'not-logged-in', detail: 'log in first, at /login' };
const CROSS_SITE: Problem = {
  status: 403,
  code: 'cross-site',
  detail: 'another site’s page asked for this; open Farrier’s own page',
};

/** Why a request may not reach its route; nothing when it may. */
function refusal(route: Route, request: Request, who: Who | undefined, agentGate: AgentGate): Problem | undefined {
  const right = RIGHTS[route.operation];
  const isUnsafe = !['GET', 'HEAD'].includes(request.method);
  const isStream = request.path.includes('/events');
  if ((isUnsafe || isStream) && isCrossSite(request)) return CROSS_SITE;
  if (right === 'agent') return agentGate(request, peerOf(request));
  if (suffices(who?.role, right, who?.console)) return undefined;
  if (!who) return NOT_LOGGED_IN;
  return { status: 403, code: 'not-allowed', detail: whyNotAllowed(right, who) };
}

/** What somebody lacks, in words. */
export function whyNotAllowed(right: Right, who: Who): string {
  if (right !== 'console-read' && right !== 'console-write')
    return `this needs the role ${right}; ${who.name} is ${who.role}`;
  return `this needs the right ${right}, which ${who.name} has not; an administrator gives it with "farrier user edit"`;
}

async function askOf(
  deps: Deps,
  route: Route,
  request: Request,
  response: Response,
  whos: Pick<Ask, 'who' | 'whoNow'>,
): Promise<Ask> {
  const readsNone = route.takes === 'stream' || request.method === 'GET' || request.method === 'HEAD';
  return {
    ...whos,
    part: (name) => String(request.params[name] ?? ''),
    query: request.query,
    body: readsNone ? {} : await readJson(request, deps.clock),
    by: whos.who?.name ?? 'nobody',
    from: peerOf(request),
    request,
    response,
  };
}

/** A power cycle may take minutes in which nothing moves on the connection: only uploads may not fall silent. */
async function patiently(route: Route, ask: Ask): Promise<Answer> {
  const { socket } = ask.request;
  if (route.takes === 'json') socket.setTimeout(0);
  const answer = await route.run(ask);
  if (answer.is !== 'own') socket.setTimeout(IDLE_TIMEOUT_MS);
  return answer;
}

/** Makes the gate: origin, rights, body, answer, errors. */
export function createGate(deps: Deps, pages: Pages): Gate {
  const agentGate = createAgentGate(deps.clock);
  const fail = (error: unknown, request: Request, response: Response): void => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      deps.log.error('http: a request failed', {
        method: request.method,
        path: request.path,
        requestId: requestIdOf(response),
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    tellProblem(pages, request, response, problem);
  };
  return {
    requestId: () => Buffer.from(deps.rng.octets(6)).toString('hex'),
    answer: async (route, trust, request, response) => {
      try {
        const whoNow = (): Promise<Who | undefined> => whoAsks(trust, deps.users, request);
        const who = await whoNow();
        const no = refusal(route, request, who, agentGate);
        if (no) {
          tellProblem(pages, request, response, no, who);
          return;
        }
        const ask = await askOf(deps, route, request, response, { who, whoNow });
        tell(pages, request, response, await patiently(route, ask), who);
      } catch (error) {
        fail(error, request, response);
      }
    },
    absent: (request, response) => {
      tellProblem(pages, request, response, ABSENT);
    },
    failed: (error, request, response, next) => {
      if (response.headersSent) next(error);
      else fail(error, request, response);
    },
  };
}
