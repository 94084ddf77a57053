import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleFiles, CliDeps, CliWork } from '../../server/cli/deps.ts';
import { runCli } from '../../server/cli/program.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

/** A request as the daemon got it. */
export interface Got {
  readonly line: string;
  readonly body: unknown;
  readonly octets: number;
}

/** An answer: a status, and a body that is sent as JSON. */
export interface Given {
  readonly status: number;
  readonly body?: unknown;
}

/** What a command line did. */
export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** A person at the terminal, or none. */
export interface Person {
  readonly typed?: readonly string[];
  readonly stdin?: string;
  readonly colour?: boolean;
}

/** A pretend daemon on a unix socket, and the command line pointed at it. */
export interface FakeDaemon {
  readonly folder: string;
  readonly socket: string;
  readonly got: Got[];
  readonly clock: FakeClock;
  readonly work: unknown[];
  /** Answers `GET /machines` and the like, below `/api/v1`; a function is asked at each request. */
  on(line: string, answer: Given | ((got: Got) => Given)): void;
  run(args: readonly string[], person?: Person): Promise<Ran>;
  close(): Promise<void>;
}

function listen(answers: ReadonlyMap<string, Given | ((got: Got) => Given)>, got: Got[]): Server {
  return createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const text = Buffer.concat(pieces);
      const line = `${request.method ?? ''} ${(request.url ?? '').replace('/api/v1', '')}`;
      const isJson = request.headers['content-type'] === 'application/json';
      const one: Got = { line, body: isJson ? JSON.parse(text.toString()) : undefined, octets: text.length };
      got.push(one);
      const answer = answers.get(line) ?? { status: 404, body: { detail: `nothing at ${line}` } };
      const { status, body } = typeof answer === 'function' ? answer(one) : answer;
      response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    });
  });
}

function workOf(log: unknown[]): CliWork {
  const files = (order: unknown): Promise<BundleFiles> => {
    log.push(order);
    return Promise.reject(new Error('apt is not installed; install it'));
  };
  return {
    serve: (options) => {
      log.push(['serve', options]);
      return Promise.resolve();
    },
    demo: (options) => {
      log.push(['demo', options]);
      return Promise.resolve();
    },
    bundleFromFolder: (order) => {
      log.push(order);
      return Promise.resolve({
        name: order.name,
        version: order.version ?? 'abc123',
        arch: order.arch,
        role: 'system',
        kernelFile: join(order.folder, order.kernel ?? 'vmlinuz 6.1'),
        initrdFile: order.initrd === undefined ? undefined : join(order.folder, order.initrd),
        kernelArgs: order.args ?? [],
        loaders: [],
        source: `folder ${order.folder}`,
      });
    },
    bundleFromDebian: files,
    dtbFromDeb: (file, wanted) => {
      log.push(['dtb', file, wanted.path]);
      return Promise.resolve({ file, source: `${file}, found` });
    },
    dtbInFolder: (folder, wanted) => {
      log.push(['dtb', folder, wanted.path]);
      return Promise.resolve(join(folder, wanted.path));
    },
    newDriver: ({ name, folder, language }) => {
      log.push(['driver', name, language]);
      return Promise.resolve(join(folder, name));
    },
    buildAgent: files,
  };
}

/** Starts one in a folder of its own. */
export async function startFakeDaemon(work: Partial<CliWork> = {}): Promise<FakeDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'farrier-cli-'));
  const socket = join(folder, 'farrier.sock');
  const answers = new Map<string, Given | ((got: Got) => Given)>();
  const [got, log, clock]: [Got[], unknown[], FakeClock] = [[], [], createFakeClock()];
  const server = listen(answers, got);
  server.listen(socket);
  await once(server, 'listening');
  const run = async (args: readonly string[], { typed = [], stdin, colour = false }: Person = {}): Promise<Ran> => {
    let [out, err] = ['', ''];
    const keys = [...typed];
    const deps: CliDeps = {
      version: '1.2.3',
      clock,
      work: { ...workOf(log), ...work },
      configFiles: [join(folder, 'farrier.yaml')],
      demoSocket: socket,
      terminal: {
        writeOut: (text) => (out += text),
        writeErr: (text) => (err += text),
        colour,
        canAsk: typed.length > 0,
        askSecret: (question) => {
          err += `${question}\n`;
          return Promise.resolve(keys.shift() ?? '');
        },
        readStdin: () => Promise.resolve(stdin ?? ''),
      },
    };
    return { exit: await runCli(args, deps), out, err };
  };
  return {
    folder,
    socket,
    got,
    clock,
    work: log,
    on: (line, answer) => answers.set(line, answer),
    run,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      rmSync(folder, { recursive: true });
    },
  };
}
