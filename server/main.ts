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

/** `npm start` names no command: with a configuration it is the real thing, without one the rack in a box. */
function withCommand(args: readonly string[]): readonly string[] {
  const words = args.filter((arg, nth) => !arg.startsWith('-') && !isOptionValue(args[nth - 1]));
  if (words.length > 0 || args.some((arg) => ['-h', '--help', '-V', '--version'].includes(arg))) return args;
  const isConfigured = args.some((arg) => arg.startsWith('--config') || arg === '-c') || CONFIG_FILES.some(existsSync);
  return [isConfigured ? 'serve' : 'demo', ...args];
}

const isOptionValue = (before: string | undefined): boolean =>
  ['-c', '--config', '-o', '--output', '--socket', '--boards', '--port'].includes(before ?? '');

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    ended.abort();
  });

const terminal = createTerminal(process, process.env);
const work = createCliWork({
  cacheDir: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'farrier'),
  logLevel: process.env['FARRIER_LOG'] ?? 'info',
  signal: ended.signal,
  say: (words) => {
    terminal.writeErr(`${words}\n`);
  },
  demo: () => Promise.reject(new Error('the rack in a box is not wired')),
});
process.exitCode = await runCli(withCommand(process.argv.slice(2)), {
  version: versionOf(projectRoot()),
  terminal,
  clock: realClock,
  work,
  configFiles: CONFIG_FILES,
  demoSocket: join(tmpdir(), 'farrier-demo', 'data', 'farrier.sock'),
});
