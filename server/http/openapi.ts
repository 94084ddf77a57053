import { z } from 'zod';
import { RIGHTS } from './rights.ts';
import type { Route } from './route.ts';

type Node = Readonly<Record<string, unknown>>;

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    field: { type: 'string' },
    lawful: { type: 'array', items: { type: 'string' } },
    mayForce: { type: 'boolean', description: 'The same order with `force` would be carried out.' },
    requestId: { type: 'string' },
  },
};

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Node {
  // `$schema` would only repeat what OpenAPI 3.1 says for the whole document.
  const entries = Object.entries(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
  return Object.fromEntries(entries.filter(([key]) => key !== '$schema'));
}

function parametersOf(path: string, query: z.ZodType): readonly Node[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const shape = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' });
  const inQuery = Object.entries(shape.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: shape.required?.includes(name) ?? false,
    schema,
  }));
  return [...inPath, ...inQuery];
}

function bodyOf(route: Route): Node {
  if (route.takes === 'stream')
    return { requestBody: { required: true, content: { 'application/octet-stream': { schema: {} } } } };
  const schema = schemaOf(route.body, 'input');
  const properties = schema['properties'];
  const takesNothing = schema['additionalProperties'] === false && Object.keys(properties ?? {}).length === 0;
  return takesNothing ? {} : { requestBody: { content: { 'application/json': { schema } } } };
}

function answersOf(route: Route): Node {
  const good = Object.entries(route.answers).map(([status, schema]): [string, Node] => [
    status,
    schema
      ? { description: 'Done', content: { 'application/json': { schema: schemaOf(schema, 'output') } } }
      : { description: 'Done' },
  ]);
  const answers: Record<string, Node> = Object.fromEntries(good);
  return { ...answers, default: { $ref: '#/components/responses/Problem' } };
}

function operationOf(route: Route, path: string): Node {
  const right = RIGHTS[route.operation];
  const security = right === 'open' ? [] : right === 'agent' ? [{ bootToken: [] }] : [{ session: [] }];
  return {
    operationId: route.operation.replace(/[^A-Za-z0-9]+/g, '-').replace(/-$/, ''),
    summary: route.summary,
    'x-right': right,
    security,
    parameters: parametersOf(path, route.query),
    ...bodyOf(route),
    responses: answersOf(route),
  };
}

/** The OpenAPI 3.1 document of these routes, with the right each needs. */
export function openApi(routes: readonly Route[], version: string): Node {
  const paths: Record<string, Record<string, Node>> = {};
  for (const route of routes) {
    const [method = '', path = ''] = route.operation.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(route, path) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Farrier', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'farrier_session' },
        bootToken: { type: 'http', scheme: 'bearer' },
      },
      schemas: { Problem: PROBLEM },
      responses: {
        Problem: {
          description: 'Why not (RFC 9457)',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}
