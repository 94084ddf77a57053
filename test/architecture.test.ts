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
/** What drivers and consoles both need of the world: lines over streams, log-ins, keys. */
const LINES = ['stream-line', 'ssh-login', 'pem'].map((name) => `server/edges/${name}.ts`);

/** Who may import whom: an allow-list. The longest matching prefix decides. */
const FLOORS: Readonly<Record<string, Floor>> = {
  'server/core/': { may: [CORE], outside: [] },
  'server/wire/': {
    may: ['server/wire/', ...['address', 'kernel-form', 'octets', 'result'].map((name) => `${CORE}${name}.ts`)],
    outside: [],
  },
  'server/ports/': { may: [CORE, 'server/ports/'], outside: [] },
  'server/services/': { may: [CORE, 'server/ports/', 'server/services/'], outside: [] },
  'server/net/': { may: [...FLOOR3, 'server/services/', 'server/net/'], outside: 'all' },
  'server/http/': { may: [...FLOOR3, 'server/services/', 'server/http/'], outside: 'all' },
  'server/store/': { may: [...FLOOR3, 'server/store/'], outside: 'all' },
  'server/files/': { may: [...FLOOR3, 'server/files/'], outside: 'all' },
  'server/consoles/': { may: [...FLOOR3, ...LINES, 'server/consoles/'], outside: 'all' },
  'server/render/': { may: [...FLOOR3, 'server/render/'], outside: 'all' },
  'server/edges/': { may: [CORE, 'server/ports/', 'server/edges/'], outside: 'all' },
  'server/config/': { may: [CORE, 'server/config/'], outside: 'all' },
  'server/cli/': { may: [CORE, 'server/ports/', 'server/cli/', 'server/config/', 'agent/'], outside: 'all' },
  'agent/': { may: [CORE, 'server/wire/', 'server/files/', 'agent/'], outside: 'all' },
  'power-drivers/': { may: [...FLOOR3, ...LINES, 'power-drivers/define.ts', 'power-drivers/common/'], outside: 'all' },
  'power-drivers/index.ts': { may: [...FLOOR3, 'power-drivers/'], outside: 'all' },
  'lab/': { may: [...FLOOR3, 'lab/'], outside: 'all' },
  'server/daemon/': { may: [''], outside: 'all' },
  'server/main.ts': { may: [''], outside: 'all' },
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly project: boolean;
  /** Whether it is loaded with the file, and not when something asks for it, or never because it is a type. */
  readonly atOnce: boolean;
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
    const atOnce = match[1] !== undefined && !/^\s*(?:import|export)\s+type\b/.test(match[0]);
    return { from: file, to, project, atOnce };
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

/** What is loaded with a file: those of the project, and the packages. */
function loadedWith(
  start: string,
  texts: ReadonlyMap<string, string>,
): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const walk = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { to, project, atOnce } of importsOf(file, texts.get(file) ?? ''))
      if (atOnce && project) walk(to);
      else if (atOnce && !to.startsWith('node:')) packages.add(to);
  };
  walk(start);
  return { files: [...files], packages: [...packages].sort() };
}

/** Where the world may be touched directly, and how: everywhere else it comes in as Clock, Rng, edges or configuration. */
const WORLD: Readonly<Record<string, readonly string[]>> = {
  'server/edges/real-clock.ts': ['Date.now', 'performance.now', 'setTimeout'],
  'server/edges/real-rng.ts': ['randomBytes'],
  'server/main.ts': ['process.env', 'process.argv', 'process.exit'],
  // The default of an edge that tests replace; turns of the event loop in which sockets are read.
  'server/net/dhcp-listener.ts': ['setImmediate'],
  'server/net/tftp-listener.ts': ['setImmediate'],
  // Turns of the event loop, in which what waits together comes together.
  'server/store/sqlite/ledger.ts': ['setImmediate'],
  'lab/lab-clock.ts': ['performance.now', 'setTimeout'],
  'lab/board-host-main.ts': ['randomBytes', 'process.exit'],
  // Lives with a real child and real sockets only.
  'lab/ipmi-sim.ts': ['setTimeout', 'setInterval'],
  'lab/virtual/tftp-fetch.ts': ['setImmediate'],
  'lab/virtual/odd-tftp.ts': ['setImmediate'],
};

/** A socket's own `setTimeout` is no timer of ours. */
const TOUCHES =
  /\b(?:Date\.now|performance\.now|Math\.random|randomBytes|randomUUID|getRandomValues|process\.(?:env|argv|exit))\b|new Date\(\)|(?<!\.)\bset(?:Timeout|Interval|Immediate)\b/g;

function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
}

function touchesOf(file: string, text: string): readonly string[] {
  const found = codeOf(text).match(TOUCHES) ?? [];
  return [...new Set(found)].filter((touch) => !WORLD[file]?.includes(touch)).map((touch) => `${file}: ${touch}`);
}

/** Exports without a docstring. Those that follow another one without a blank line share its docstring. */
function bareExportsOf(file: string, text: string): readonly string[] {
  const faults: string[] = [];
  let above = '';
  let isDescribed = false;
  for (const line of text.split('\n')) {
    if (/^export (?!(?:type )?\{)/.test(line)) {
      if (above.endsWith('*/')) isDescribed = true;
      else if (above.trim() === '') isDescribed = false;
      if (!isDescribed) faults.push(`${file}: ${line}`);
    }
    above = line;
  }
  return faults;
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
    const faults = pure.filter((file) => /\basync\b|\bprocess\./.test(codeOf(texts.get(file) ?? '')));
    assert.deepEqual(faults, []);
  });

  it('commands load what they all need, and the daemon what every site needs', () => {
    const command = loadedWith('server/main.ts', texts);
    assert.deepEqual(command.packages, ['commander', 'yaml', 'zod']);
    const light = ['cli', 'config', 'core', 'daemon', 'edges', 'ports'].map((folder) => `server/${folder}/`);
    assert.deepEqual(
      command.files.filter((file) => !light.some((folder) => file.startsWith(folder))),
      ['server/main.ts'],
    );
    const daemon = loadedWith('server/daemon/start-serving.ts', texts);
    assert.deepEqual(daemon.packages, ['better-sqlite3', 'express', 'nunjucks', 'yaml', 'zod']);
    assert.ok(!daemon.files.some((file) => /^(lab|agent)\//.test(file)));
  });

  it('time, randomness and the environment come from outside', () => {
    assert.deepEqual(
      [...texts].flatMap(([file, text]) => touchesOf(file, text)),
      [],
    );
    const unused = Object.entries(WORLD).flatMap(([file, touches]) =>
      touches.filter((touch) => !codeOf(texts.get(file) ?? '').includes(touch)).map((touch) => `${file}: ${touch}`),
    );
    assert.deepEqual(unused, [], 'the list of exceptions holds only what is used');
  });

  it('every export has a docstring', () => {
    assert.deepEqual(
      [...texts].flatMap(([file, text]) => bareExportsOf(file, text)),
      [],
    );
  });

  it('bites: what is loaded at once is found behind files, what is loaded late or is a type is not', () => {
    const planted = new Map([
      ['a.ts', "import { b } from './b.ts';\nimport type { Client } from 'ssh2';\nawait import('late');\n"],
      ['b.ts', "import { type C } from './c.ts';\nimport 'effect';\nexport { d } from 'again';\n"],
      ['c.ts', "import {\n  x,\n} from 'lines';\nexport type { T } from 'type';\nimport 'node:fs';\n"],
    ]);
    const loaded = loadedWith('a.ts', planted);
    assert.deepEqual(loaded.files, ['a.ts', 'b.ts', 'c.ts']);
    assert.deepEqual(loaded.packages, ['again', 'effect', 'lines']);
  });

  it('bites: touches of the world and bare exports are found', () => {
    const planted =
      '// Date.now\nconst at = Date.now() - +new Date(); // why\nsocket.setTimeout(1);\nsetTimeout(stop, 5);\n';
    assert.equal(touchesOf('server/services/planted.ts', planted).length, 3);
    assert.equal(touchesOf('power-drivers/planted.ts', "const home = process.env['HOME'];").length, 1);
    assert.equal(touchesOf('server/net/planted.ts', 'const id = crypto.randomUUID();').length, 1);
    const exports = '/** What. */\nexport const A = 1;\nexport const B = 2;\n\nexport function c(): void {}\n';
    assert.deepEqual(bareExportsOf('planted.ts', exports), ['planted.ts: export function c(): void {}']);
  });
});
