import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTerminal } from './cli/terminal.ts';
import { runCli } from './cli/program.ts';
import { createCliWork } from './daemon/cli-work.ts';
import { versionOf } from './daemon/version.ts';
import { projectRoot } from './edges/project-root.ts';
import { realClock } from './edges/real-clock.ts';

/** Looked for in this order when no `--config` is given. */
const CONFIG_FILES = [join(process.cwd(), 'farrier.yaml'), '/etc/farrier/farrier.yaml'];

/** The hidden command with which the demo starts this program again, inside its namespaces. */
const DEMO_INSIDE = 'demo-inside';

const DEMO_FOLDER = join(tmpdir(), `farrier-demo-${process.getuid?.() ?? 0}`);

/** `npm start` names no command: with a configuration it is the real thing, without one the rack in a box. */
function withCommand(args: readonly string[]): readonly string[] {
  const words = args.filter((arg, nth) => !arg.startsWith('-') && !isOptionValue(args[nth - 1]));
  if (words.length > 0 || args.some((arg) => ['-h', '--help', '-V', '--version'].includes(arg))) return args;
  const isConfigured = args.some((arg) => arg.startsWith('--config') || arg === '-c') || CONFIG_FILES.some(existsSync);
  return [isConfigured ? 'serve' : 'demo', ...args];
}

const isOptionValue = (before: string | undefined): boolean =>
  ['-c', '--config', '-o', '--output', '--socket', '--boards', '--port'].includes(before ?? '');

/** Only the daemon and the demo put things away on Ctrl-C; every other command just ends. */
function untilSignalled(): AbortSignal {
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      ended.abort();
    });
  return ended.signal;
}

const terminal = createTerminal(process, process.env);
const tell = (words: string): void => {
  terminal.writeErr(`${words}\n`);
};
const cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'farrier');
const work = createCliWork({
  cacheDir,
  logLevel: process.env['FARRIER_LOG'] ?? 'info',
  untilSignalled,
  say: tell,
  demo: async ({ boards, qemu, port }) =>
    (await import('./daemon/demo.ts')).runDemo(
      { boards, qemu, port },
      {
        cacheDir,
        entry: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
        signal: untilSignalled(),
        say: tell,
        inside: DEMO_INSIDE,
        folder: DEMO_FOLDER,
      },
    ),
});
const [first, order = ''] = process.argv.slice(2);
if (first === DEMO_INSIDE) {
  const { runDemoInside } = await import('./daemon/demo.ts');
  await runDemoInside(order, process.env['FARRIER_LOG'] ?? 'warn');
} else
  process.exitCode = await runCli(withCommand(process.argv.slice(2)), {
    version: versionOf(projectRoot()),
    terminal,
    clock: realClock,
    work,
    configFiles: CONFIG_FILES,
    demoSocket: join(DEMO_FOLDER, 'data', 'farrier.sock'),
  });
