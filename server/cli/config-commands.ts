import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { formatProblem } from '../config/config.ts';
import { loadSettings, type LoadedSettings } from '../config/load.ts';
import { SAMPLE_CONFIG } from '../config/sample.ts';
import { showSettings, type ShownValue } from '../config/show.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import { writeList, type Column } from './output.ts';

const COLUMNS: readonly Column<ShownValue>[] = [
  { title: 'KEY', value: (shown) => shown.key },
  { title: 'VALUE', value: (shown) => shown.value },
  { title: 'ORIGIN', value: (shown) => shown.origin },
];

/** The config file a command is about: its argument, `--config`, or the one found. */
function load(context: CommandContext, file: string | undefined, command: Command): LoadedSettings {
  const path = file ?? context.configFile(command);
  if (path === undefined)
    throw new CliFailure(EXIT.notFound, 'there is no farrier.yaml; `farrier config init` writes one to begin with');
  const loaded = loadSettings(path);
  if (loaded.ok) return loaded.value;
  throw new CliFailure(EXIT.failed, loaded.error.map(formatProblem).join('\n'));
}

function writeNew(path: string): void {
  try {
    writeFileSync(path, SAMPLE_CONFIG, { flag: 'wx' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const exists = code === 'EEXIST';
    const words = exists ? `${path} is there already; name another file` : `${path} cannot be written (${code})`;
    throw new CliFailure(exists ? EXIT.refused : EXIT.failed, words, { cause: error });
  }
}

/** `farrier config …` */
export function addConfigCommands(program: Command, context: CommandContext): void {
  const config = program.command('config').description('the file farrier.yaml');
  config
    .command('init')
    .description('writes a commented file to begin with; never over an existing one')
    .argument('[file]', '- writes it to standard output', 'farrier.yaml')
    .action((file: string) => {
      if (file === '-') {
        context.deps.terminal.writeOut(SAMPLE_CONFIG);
        return;
      }
      writeNew(file);
      context.say(`wrote ${file}; edit it, then: farrier config check ${file}`);
    });
  config
    .command('check')
    .description('names every mistake with its line and column')
    .argument('[file]')
    .action((file: string | undefined, _options: unknown, command: Command) => {
      context.say(`${load(context, file, command).config.file} is sound`);
    });
  config
    .command('show')
    .description('each value in force and where it comes from')
    .argument('[file]')
    .action((file: string | undefined, _options: unknown, command: Command) => {
      const items = showSettings(load(context, file, command));
      writeList(context.deps.terminal, context.format(command), { items, columns: COLUMNS });
    });
}
