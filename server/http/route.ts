import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Who } from './auth.ts';
import type { Problem } from './problem.ts';
import type { Operation } from './rights.ts';

/** One request that has passed the gate. */
export interface Ask<Query = unknown, Body = unknown> {
  /** A part of the path by its name in the operation. */
  readonly part: (name: string) => string;
  readonly query: Query;
  readonly body: Body;
  /** Nothing only on `open` and `agent` routes. */
  readonly who: Who | undefined;
  /** For events: the user's name. */
  readonly by: string;
  /** The peer's address. */
  readonly from: string;
  readonly request: Request;
  readonly response: Response;
  /** Asks again who this is: a stream outlives its first check. */
  readonly whoNow: () => Promise<Who | undefined>;
}

/** What a route says; the gate writes it. */
export type Answer =
  | { readonly is: 'json'; readonly status: number; readonly body: unknown }
  | { readonly is: 'html'; readonly status: number; readonly body: string }
  | { readonly is: 'empty' }
  | { readonly is: 'problem'; readonly problem: Problem }
  /** The route writes, or has written, the response itself. */
  | { readonly is: 'own' };

/** Answers with JSON. */
export const json = (body: unknown, status = 200): Answer => ({ is: 'json', status, body });
/** Answers with a page. */
export const html = (body: string): Answer => ({ is: 'html', status: 200, body });
/** 204. */
export const EMPTY: Answer = { is: 'empty' };
/** Answers with a problem. */
export const problem = (status: number, code: string, detail: string, more: Partial<Problem> = {}): Answer => ({
  is: 'problem',
  problem: { status, code, detail, ...more },
});

/** What describes a route to the checker and to the OpenAPI document alike. */
export interface RouteSpec<Query, Body> {
  readonly summary: string;
  readonly query: z.ZodType<Query>;
  readonly body: z.ZodType<Body>;
  /** `stream`: the route reads the octets of the body itself. Default `json`. */
  readonly takes?: 'json' | 'stream';
  /** What comes back by status; nothing for 204 and streams. */
  readonly answers: Readonly<Record<number, z.ZodType | undefined>>;
  readonly run: (ask: Ask<Query, Body>) => Promise<Answer> | Answer;
}

/** A route with its schemas bound in. */
export interface Route {
  readonly operation: Operation;
  readonly summary: string;
  readonly query: z.ZodType;
  readonly body: z.ZodType;
  readonly takes: 'json' | 'stream';
  readonly answers: Readonly<Record<number, z.ZodType | undefined>>;
  readonly run: (ask: Ask) => Promise<Answer>;
}

/** The schema of a query or body in which nothing may be said. */
export const NO_FIELDS = z.strictObject({});
/** For routes that take neither query nor body. */
export const PLAIN = { query: NO_FIELDS, body: NO_FIELDS };
/** For pages and their assets: whatever a link carries beside the path is ignored. */
export const PAGE = { query: z.looseObject({}), body: NO_FIELDS };

/** Makes a route: parses query and body by their schemas, and refuses what does not fit by the field's name. */
export function route<Query, Body>(operation: Operation, spec: RouteSpec<Query, Body>): Route {
  return {
    operation,
    summary: spec.summary,
    query: spec.query,
    body: spec.body,
    takes: spec.takes ?? 'json',
    answers: spec.answers,
    run: async (ask) => {
      const [query, body] = [spec.query.safeParse(ask.query), spec.body.safeParse(ask.body)];
      if (!query.success) return badFields(query.error);
      if (!body.success) return badFields(body.error);
      return spec.run({ ...ask, query: query.data, body: body.data });
    },
  };
}

/** Of the ways a value could have been meant, the one it comes nearest to says what is wrong with it. */
function plainest(issue: z.core.$ZodIssue | undefined, above: readonly PropertyKey[]): z.core.$ZodIssue | undefined {
  if (!issue) return undefined;
  const path = [...above, ...issue.path];
  if (issue.code !== 'invalid_union') return { ...issue, path };
  const nearest = [...issue.errors].sort((a, b) => a.length - b.length || depthOf(b) - depthOf(a))[0];
  return plainest(nearest?.[0], path) ?? { ...issue, path };
}

const depthOf = ([first]: readonly z.core.$ZodIssue[]): number => first?.path.length ?? 0;

function badFields(error: z.ZodError): Answer {
  const issue = plainest(error.issues[0], []);
  const path = issue?.path.map(String).join('.') ?? '';
  if (issue?.code === 'unrecognized_keys') {
    const field = [path, issue.keys[0] ?? ''].filter((part) => part !== '').join('.');
    return problem(400, 'unknown-field', `"${field.slice(0, 80)}" is not a field here`, { field: field.slice(0, 80) });
  }
  const words = path === '' ? (issue?.message ?? 'not right') : `${path}: ${issue?.message ?? 'not right'}`;
  return problem(400, 'bad-value', words, path === '' ? {} : { field: path.slice(0, 80) });
}
