import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CONSOLE_GRANTS } from '../core/console.ts';
import { pathOf } from './client.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import { writeList, type Column } from './output.ts';
import { newPasswordOf } from './password.ts';

const userShape = z.looseObject({ name: z.string(), role: z.string(), console: z.string().optional() });
const COLUMNS: readonly Column<z.infer<typeof userShape>>[] = [
  { title: 'NAME', value: (user) => user.name },
  { title: 'ROLE', value: (user) => user.role },
  { title: 'CONSOLE', value: (user) => user.console ?? 'as its role' },
];

interface AddOptions {
  readonly role: string;
  readonly console?: string;
  readonly passwordFile?: string;
}

interface EditOptions {
  readonly role?: string;
  readonly console?: string;
  readonly passwordFile?: string;
}

const ROLES = ['admin', 'operator', 'viewer'];
const CONSOLE = 'consoles: nothing, watch, or type as well';

function addEdit(user: Command, context: CommandContext): void {
  const { terminal } = context.deps;
  user
    .command('edit')
    .description('changes an account; its sessions end')
    .argument('<name>')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES))
    .addOption(new Option('--console <right>', `${CONSOLE}; role: as its role`).choices([...CONSOLE_GRANTS, 'role']))
    .option('--password-file <path>', 'the first line is the new password; - is standard input')
    .action(async (name: string, { role, console, passwordFile }: EditOptions, command: Command) => {
      const password = passwordFile === undefined ? undefined : await newPasswordOf(terminal, passwordFile);
      const body = {
        ...(role === undefined ? {} : { role }),
        ...(console === undefined ? {} : { console: console === 'role' ? null : console }),
        ...(password === undefined ? {} : { password }),
      };
      if (Object.keys(body).length === 0)
        throw new CliFailure(EXIT.usage, 'nothing is to change; give --role, --console or --password-file');
      await context.api(command).order({ method: 'PATCH', path: pathOf('users', name), body });
      context.say(`${name} is changed`);
    });
}

/** `farrier user …` */
export function addUserCommands(program: Command, context: CommandContext): void {
  const { terminal } = context.deps;
  const user = program.command('user').description('accounts of the web page and the API');
  user
    .command('add')
    .description('adds an account; its password is asked for, or read from standard input')
    .argument('<name>')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('operator'))
    .addOption(new Option('--console <right>', `${CONSOLE} (default: as its role)`).choices(CONSOLE_GRANTS))
    .option('--password-file <path>', 'the first line is the password; - is standard input')
    .action(async (name: string, { role, console, passwordFile }: AddOptions, command: Command) => {
      const password = await newPasswordOf(terminal, passwordFile);
      if (password === '') throw new CliFailure(EXIT.usage, 'the password is empty; type it, or pipe it in');
      await context
        .api(command)
        .order({ method: 'POST', path: '/users', body: { name, role, password, ...(console && { console }) } });
      context.say(`${name} is ${role}`);
    });
  addEdit(user, context);
  user
    .command('rm')
    .description('removes an account; its sessions end')
    .argument('<name>')
    .action(async (name: string, _options: unknown, command: Command) => {
      await context.api(command).order({ method: 'DELETE', path: pathOf('users', name) });
      context.say(`${name} is removed`);
    });
  user
    .command('list')
    .description('all accounts')
    .action(async (_options: unknown, command: Command) => {
      const shape = z.object({ users: z.array(userShape) });
      const { users } = await context.api(command).call({ method: 'GET', path: '/users' }, shape);
      writeList(terminal, context.format(command), { items: users, columns: COLUMNS });
    });
}
