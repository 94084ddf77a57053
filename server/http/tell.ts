import type { Request, Response } from 'express';
import { FetchError } from '../ports/fetch.ts';
import { StaleWrite, StoreUnavailable, Taken } from '../ports/store.ts';
import type { Who } from './auth.ts';
import type { Pages } from './pages/render.ts';
import { ProblemError, problemBody, type Problem } from './problem.ts';
import type { Answer } from './route.ts';

/** What the orderer of a fetch can mend himself; the rest is the other server's. */
const FETCH_FAULTS: ReadonlySet<string> = new Set(['bad-url', 'not-allowed', 'wrong-digest', 'too-big']);

/** What a thrown error is to whoever asked. Our own mistakes tell nothing but that they are in the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof StaleWrite)
    return { status: 409, code: 'changed-meanwhile', detail: 'somebody changed it meanwhile; look again and retry' };
  if (error instanceof Taken) return { status: 409, code: 'taken', detail: error.message };
  if (error instanceof StoreUnavailable) return { status: 503, code: 'store-unavailable', detail: error.message };
  if (error instanceof FetchError)
    return { status: FETCH_FAULTS.has(error.code) ? 400 : 502, code: `fetch-${error.code}`, detail: error.message };
  if (error instanceof URIError) return { status: 400, code: 'bad-path', detail: 'the path is not well encoded' };
  return { status: 500, code: 'internal', detail: 'Farrier made a mistake; its log has the request id' };
}

/** Whether a person looks at this with a browser, so that a page serves better than a problem document. */
function wantsPage(request: Request): boolean {
  const isForPeople = !/^\/(api|agent|boot|events)\//.test(request.path);
  return ['GET', 'HEAD'].includes(request.method) && isForPeople && !!request.accepts('html');
}

/** The id that answer and log share. */
export function requestIdOf(response: Response): string {
  return String(response.getHeader('X-Request-Id') ?? '');
}

/** Sends a problem: as a page to a browser, else as `application/problem+json`. */
export function tellProblem(pages: Pages, request: Request, response: Response, problem: Problem, who?: Who): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (problem.retryAfterS !== undefined) response.setHeader('Retry-After', problem.retryAfterS);
  // A body nobody will read must not hold the connection.
  if (!request.complete) response.setHeader('Connection', 'close');
  if (problem.status === 401 && wantsPage(request)) {
    response.redirect(303, `/login?next=${encodeURIComponent(request.originalUrl)}`);
    return;
  }
  const id = requestIdOf(response);
  response.status(problem.status);
  if (wantsPage(request)) response.type('html').send(pages.problem(problem, id, who));
  else response.type('application/problem+json').send(JSON.stringify(problemBody(problem, id)));
}

/** Sends a route's answer. */
export function tell(pages: Pages, request: Request, response: Response, answer: Answer, who: Who | undefined): void {
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
      tellProblem(pages, request, response, answer.problem, who);
      return;
    case 'own':
      return;
  }
}
