import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Floor {
  /** Folders (or single files) of the project it may import from. */
  readonly may: readonly string[];
  /** Whether Node's own modules and packages are allowed; a list names the only ones. */
  readonly outside: 'all' | readonly string[];
}

const CORE = 'server/core/';
const FLOOR3 = [CORE, 'server/wire/', 'server/ports/'];

/** Who may import whom: an allow-list. The longest matching prefix decides. */
const FLOORS: Readonly<Record<string, Floor>> = {
  'server/core/': { may: [CORE], outside: [] },
  'server/wire/': { may: ['server/wire/', 'server/core/address.ts', 'server/core/result.ts'], outside: [] },
  'server/ports/': { may: [CORE, 'server/ports/'], outside: [] },
  'server/services/': { may: [CORE, 'server/ports/', 'server/services/'], outside: [] },
  'server/net/': { may: [...FLOOR3, 'server/services/', 'server/net/'], outside: 'all' },
  'server/http/': { may: [...FLOOR3, 'server/services/', 'server/http/'], outside: 'all' },
  'server/store/': { may: [...FLOOR3, 'server/store/'], outside: 'all' },
  'server/files/': { may: [...FLOOR3, 'server/files/'], outside: 'all' },
  'server/render/': { may: [...FLOOR3, 'server/render/'], outside: 'all' },
  'server/edges/': { may: [CORE, 'server/ports/'], outside: 'all' },
  'server/config/': { may: [CORE, 'server/config/'], outside: 'all' },
  'server/cli/': { may: [CORE, 'server/ports/', 'server/cli/', 'server/config/', 'agent/'], outside: 'all' },
  'agent/': { may: [CORE, 'server/wire/', 'server/files/', 'agent/'], outside: 'all' },
  'power-drivers/': { may: [...FLOOR3, 'power-drivers/fields.ts'], outside: 'all' },
  'power-drivers/index.ts': { may: [...FLOOR3, 'power-drivers/'], outside: 'all' },
  'lab/': { may: [...FLOOR3, 'lab/'], outside: 'all' },
  'server/daemon/': { may: [''], outside: 'all' },
  'server/main.ts': { may: [''], outside: 'all' },
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly project: boolean;
}

function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name).split(sep).join('/'));
  } catch {
    return [];
  }
}

function importsOf(file: string, text: string): readonly Import[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'\s*\)/g,
  );
  return [...found].map((match) => {
    const name = match[1] ?? match[2] ?? '';
    const project = name.startsWith('.');
    const to = project
      ? relative(ROOT, resolve(ROOT, dirname(file), name))
          .split(sep)
          .join('/')
      : name;
    return { from: file, to, project };
  });
}

function floorOf(file: string): Floor | undefined {
  const prefix = Object.keys(FLOORS)
    .filter((key) => file.startsWith(key))
    .sort((a, b) => b.length - a.length)[0];
  return prefix === undefined ? undefined : FLOORS[prefix];
}

function faultsOf(file: string, text: string): readonly string[] {
  const floor = floorOf(file);
  if (!floor) return [`${file} stands on no floor`];
  return importsOf(file, text)
    .filter((each) => {
      if (each.project) return !floor.may.some((prefix) => each.to.startsWith(prefix));
      return floor.outside !== 'all' && !floor.outside.includes(each.to);
    })
    .map((each) => `${each.from} must not import ${each.to}`);
}

function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const to of graph.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return cycles;
}

describe('architecture', () => {
  const files = ['server', 'power-drivers', 'lab', 'agent'].flatMap(filesBelow);
  const texts = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));

  it('every import keeps to its floor', () => {
    assert.ok(files.length > 20, 'the walk found the sources');
    assert.deepEqual(
      [...texts].flatMap(([file, text]) => faultsOf(file, text)),
      [],
    );
  });

  it('no import cycles', () => {
    const graph = new Map(
      [...texts].map(([file, text]) => [
        file,
        importsOf(file, text)
          .filter((each) => each.project)
          .map((each) => each.to),
      ]),
    );
    assert.deepEqual(cyclesOf(graph), []);
  });

  it('bites: planted faults are found', () => {
    const planted = "import { readFile } from 'node:fs/promises';\nimport { x } from '../store/sqlite/open.ts';\n";
    assert.equal(faultsOf('server/core/planted.ts', planted).length, 2);
    assert.equal(faultsOf('server/services/planted.ts', "import express from 'express';").length, 1);
    assert.equal(faultsOf('server/wire/planted.ts', "import type { Machine } from '../core/machine.ts';").length, 1);
    assert.equal(faultsOf('server/nowhere/planted.ts', '').length, 1);
    assert.equal(faultsOf('server/core/planted.ts', "const x = await import('node:net');").length, 1);
    assert.deepEqual(
      cyclesOf(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['a']],
        ]),
      ).length,
      1,
    );
  });

  it('core knows no clock, no randomness and no waiting', () => {
    const pure = files.filter((file) => file.startsWith(CORE) || file.startsWith('server/wire/'));
    const faults = pure.filter((file) =>
      /\bDate\.now|Math\.random|\basync\b|\bsetTimeout\b|\bprocess\./.test(texts.get(file) ?? ''),
    );
    assert.deepEqual(faults, []);
  });
});
