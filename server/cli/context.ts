import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { createApi, type Api } from './client.ts';
import type { CliDeps } from './deps.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Format } from './output.ts';
import { passwordOf } from './password.ts';
import { createRemote, remoteUrl, type Remote } from './remote.ts';

/** Options every command knows. */
interface GlobalOptions {
  readonly output: Format;
  readonly socket?: string;
  readonly config?: string;
  readonly at?: string;
  readonly login?: string;
  readonly loginFile?: string;
}

/** What a command's action works with. */
export interface CommandContext {
  readonly deps: CliDeps;
  readonly api: (command: Command) => Api;
  readonly format: (command: Command) => Format;
  /** The config file named or found; nothing when there is none. */
  readonly configFile: (command: Command) => string | undefined;
  /** One line for people. */
  readonly say: (words: string) => void;
  /** Logs out wherever the run has logged in; never rejects. */
  readonly end: () => Promise<void>;
}

function socketOf(file: string): string {
  const config = loadConfig(file);
  if (config.ok) return join(config.value.dataDir, 'farrier.sock');
  throw new CliFailure(EXIT.failed, config.error.map(formatProblem).join('\n'));
}

/** The context of one run. */
export function createContext(deps: CliDeps): CommandContext {
  const globals = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();
  const configFile = (command: Command): string | undefined =>
    globals(command).config ?? deps.configFiles.find((file) => existsSync(file));
  let remote: Remote | undefined;
  const remoteOf = ({ at, login, loginFile }: GlobalOptions): Remote | undefined => {
    if (at === undefined) return undefined;
    if (login === undefined) throw new CliFailure(EXIT.usage, '--at needs --login NAME: the account to log in with');
    const password = (): Promise<string> => passwordOf(deps.terminal, loginFile);
    return (remote ??= createRemote({ url: remoteUrl(at), user: login, password }));
  };
  return {
    deps,
    configFile,
    format: (command) => globals(command).output,
    api: (command) => {
      const there = remoteOf(globals(command));
      if (there) return createApi(there);
      const file = configFile(command);
      const socketPath = globals(command).socket ?? (file === undefined ? deps.demoSocket : socketOf(file));
      return createApi({ socketPath });
    },
    say: (words) => {
      deps.terminal.writeErr(`${words}\n`);
    },
    end: async () => {
      await remote?.logOut();
    },
  };
}
