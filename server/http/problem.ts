import type { LifecycleEvent } from '../core/lifecycle.ts';

/** An error as the API tells it (RFC 9457), before it is given the id of its request. */
export interface Problem {
  readonly status: number;
  /** Stable, for programs: `unknown-machine`. The `type` member is made of it. */
  readonly code: string;
  /** For people, ending in what they can do. */
  readonly detail: string;
  /** The field of the body or query at fault. */
  readonly field?: string | undefined;
  /** What would have been lawful instead. */
  readonly lawful?: readonly LifecycleEvent[] | undefined;
  /** The order may be given again with `force`, by whoever asked. */
  readonly mayForce?: boolean | undefined;
  /** Seconds to wait before another try. */
  readonly retryAfterS?: number | undefined;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not right',
  401: 'Log in first',
  403: 'Not allowed',
  404: 'Not found',
  408: 'The request took too long',
  409: 'Not possible now',
  413: 'The request is too large',
  415: 'Send JSON',
  429: 'Too many requests',
  500: 'Farrier made a mistake',
  502: 'The device did not do it',
  503: 'Not available now',
};

/** The body of an `application/problem+json` answer. */
export function problemBody(problem: Problem, requestId: string): Readonly<Record<string, unknown>> {
  return {
    type: `urn:farrier:problem:${problem.code}`,
    title: TITLES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    ...(problem.lawful === undefined ? {} : { lawful: problem.lawful }),
    ...(problem.mayForce === true ? { mayForce: true } : {}),
    requestId,
  };
}

/** Thrown where a request cannot go on (a bad body, a stream cut short); the error boundary answers it. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}
