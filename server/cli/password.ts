import { readFileSync } from 'node:fs';
import type { Terminal } from './deps.ts';
import { CliFailure, EXIT } from './failure.ts';

const firstLine = (text: string): string => text.split(/\r?\n/)[0] ?? '';

/** A password, never from an argument: the first line of a file or of standard input (`-`), or asked for. */
export async function passwordOf(terminal: Terminal, file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-')
    try {
      return firstLine(readFileSync(file, 'utf8'));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      throw new CliFailure(EXIT.failed, `the password file ${file} cannot be read (${code})`, { cause: error });
    }
  if (file === '-' || !terminal.canAsk) return firstLine(await terminal.readStdin());
  return terminal.askSecret('Password: ');
}

/** A new password: as `passwordOf`, but asked for twice. */
export async function newPasswordOf(terminal: Terminal, file: string | undefined): Promise<string> {
  const password = await passwordOf(terminal, file);
  if (file !== undefined || !terminal.canAsk) return password;
  if ((await terminal.askSecret('Once more: ')) === password) return password;
  throw new CliFailure(EXIT.usage, 'the two passwords differ; try again');
}
