import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { addBoardCommands, addLeaseCommand } from './catalogue-commands.ts';
import { addAgentCommands, addBundleCommands } from './bundle-commands.ts';
import { addConfigCommands } from './config-commands.ts';
import { createContext, type CommandContext } from './context.ts';
import type { CliDeps, Terminal } from './deps.ts';
import { addDriverCommands } from './driver-commands.ts';
import { addExplainCommand } from './explain-command.ts';
import { CliFailure, EXIT } from './failure.ts';
import { addMachineCommands } from './machine-commands.ts';
import { FORMATS, plain } from './output.ts';
import { addParameterCommands } from './parameter-commands.ts';
import { addPowerCommands } from './power-commands.ts';
import { addUserCommands } from './user-commands.ts';

function readCount(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('write a number from 1 to 999');
}

function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('write a port from 0 to 65535');
}

function addDaemonCommands(program: Command, { deps, configFile }: CommandContext): void {
  program
    .command('serve')
    .description('the daemon, in the foreground')
    .option('--force', 'serve DHCP although another server answers there')
    .action(({ force = false }: { readonly force?: boolean }, command: Command) =>
      deps.work.serve({ config: configFile(command), force }),
    );
  program
    .command('demo')
    .description('the rack in a box: the daemon and pretend boards, nothing to set up')
    .option('--boards <count>', 'how many boards', readCount)
    .option('--qemu', 'boards are QEMU machines with real firmware')
    .option('--port <port>', 'of 127.0.0.1, for the page', readPort, 5240)
    .action(
      ({ boards, qemu = false, port }: { readonly boards?: number; readonly qemu?: boolean; readonly port: number }) =>
        deps.work.demo({ boards, qemu, port }),
    );
}

/** All commands. Parsing throws a CommanderError or a CliFailure; `runCli` turns both into exit codes. */
export function buildProgram(deps: CliDeps): Command {
  const { terminal } = deps;
  const program = new Command('farrier')
    .description('Bare-metal lab provisioning controller')
    .version(deps.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        terminal.writeOut(text);
      },
      writeErr: (text) => {
        terminal.writeErr(text);
      },
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'farrier: '));
      },
      getOutHasColors: () => terminal.colour,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('(add --help for the ways to call it)')
    .addOption(new Option('-o, --output <format>', 'how data is written').choices(FORMATS).default('table'))
    .option('-c, --config <file>', 'the config file; it also tells where the daemon is')
    .option('--socket <path>', "the daemon's socket; default: farrier.sock in the config's dataDir");
  const context = createContext(deps);
  addDaemonCommands(program, context);
  addConfigCommands(program, context);
  addMachineCommands(program, context);
  addPowerCommands(program, context);
  addParameterCommands(program, context);
  addBoardCommands(program, context);
  addBundleCommands(program, context);
  addDriverCommands(program, context);
  addExplainCommand(program, context);
  addAgentCommands(program, context);
  addUserCommands(program, context);
  addLeaseCommand(program, context);
  return program;
}

/** What a failure says: one line a cause, each begun with the program's name. */
function writeFailure(terminal: Terminal, words: string): void {
  for (const line of words.split('\n')) terminal.writeErr(`farrier: ${plain(line)}\n`);
}

/** Runs one command line (without node and script) and gives its exit code. Other people's mistakes never throw. */
export async function runCli(args: readonly string[], deps: CliDeps): Promise<number> {
  try {
    await buildProgram(deps).parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      const asked = ['commander.helpDisplayed', 'commander.version'].includes(error.code);
      return asked || (error.code === 'commander.help' && error.exitCode === 0) ? EXIT.done : EXIT.usage;
    }
    if (error instanceof CliFailure) {
      writeFailure(deps.terminal, error.message);
      return error.exit;
    }
    writeFailure(deps.terminal, error instanceof Error ? error.message : String(error));
    return EXIT.failed;
  }
}
