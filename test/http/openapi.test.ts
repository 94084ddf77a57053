import { strict as assert } from 'node:assert';
import { RIGHTS, type Operation } from '../../server/http/rights.ts';
import { layHttpLab } from '../support/http-lab.ts';

interface Described {
  readonly operationId: string;
  readonly 'x-right': string;
  readonly security: readonly object[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Record<string, unknown> }> };
  readonly responses: Record<string, unknown>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Record<string, Record<string, Described>>;
  readonly components: Record<string, Record<string, unknown>>;
}

/** All `$ref`s below a node. */
function refsOf(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(refsOf);
  if (node === null || typeof node !== 'object') return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : refsOf(value),
  );
}

describe('the OpenAPI document', () => {
  let document: Document;
  before(async () => {
    const lab = layHttpLab();
    const base = await lab.listen('tcp');
    document = (await (await fetch(`${base}/api/v1/openapi.json`)).json()) as Document;
    await lab.close();
  });
  const operations = (): readonly (readonly [Operation, Described])[] =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, each]) => [`${method.toUpperCase()} ${path}` as Operation, each] as const),
    );

  it('is OpenAPI 3.1 with what every document must have', () => {
    assert.match(document.openapi, /^3\.1\./);
    assert.ok(document.info.title && document.info.version);
    for (const [name, each] of operations()) {
      assert.ok(Object.keys(each.responses).length > 0, name);
      assert.match(each.operationId, /^[A-Za-z0-9-]+$/);
    }
    const ids = operations().map(([, each]) => each.operationId);
    assert.equal(new Set(ids).size, ids.length, 'operation ids are unique');
  });

  it('covers every route of the API, with the right it needs', () => {
    const api = (Object.keys(RIGHTS) as readonly Operation[]).filter((each) =>
      /\/(api|agent)\/|(health|ready)z/.test(each),
    );
    assert.deepEqual(
      operations()
        .map(([name]) => name)
        .sort(),
      [...api].sort(),
    );
    for (const [name, each] of operations()) assert.equal(each['x-right'], RIGHTS[name], name);
  });

  it('asks for a session where one is needed, for a token where one is, and for nothing elsewhere', () => {
    for (const [name, each] of operations()) {
      const right = RIGHTS[name];
      const want = right === 'open' ? [] : right === 'agent' ? [{ bootToken: [] }] : [{ session: [] }];
      assert.deepEqual(each.security, want, name);
    }
  });

  it('names every part of every path', () => {
    for (const [name, each] of operations()) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, part]) => part);
      const named = each.parameters.filter((parameter) => parameter.in === 'path' && parameter.required);
      assert.deepEqual(
        named.map((parameter) => parameter.name),
        inPath,
        name,
      );
    }
  });

  it('every reference leads somewhere', () => {
    for (const ref of refsOf(document)) {
      const found = ref
        .replace(/^#\//, '')
        .split('/')
        .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document);
      assert.ok(found !== undefined, ref);
    }
  });

  it('says which fields a body may have, and that no other may be there', () => {
    const accept = document.paths['/api/v1/machines/{ref}/accept']?.['post'];
    const schema = accept?.requestBody?.content['application/json']?.schema;
    assert.equal(schema?.['additionalProperties'], false);
    assert.deepEqual(Object.keys(schema['properties'] as object).sort(), [
      'board',
      'bundle',
      'dtb',
      'extraArgs',
      'macs',
      'name',
      'overlays',
      'rack',
      'reserved',
      'slot',
    ]);
  });
});
