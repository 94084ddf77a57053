import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { pathOf, type Api } from './client.ts';
import type { CommandContext } from './context.ts';
import { timeText, writeList, writeSheet, type Sheet } from './output.ts';
import { formByName, formShape, parametersOf, secretsOf } from './power-parameters.ts';

const REF = new Argument('<machine>', 'its name, MAC, id or the unique beginning of its name');

const transportsShape = z.object({ transports: z.array(formShape) });
const stateShape = z.looseObject({
  setting: z
    .looseObject({
      transport: z.string(),
      parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    })
    .nullable(),
  secretsSet: z.array(z.string()),
  line: z.looseObject({ is: z.string(), sinceMs: z.number(), because: z.string().optional() }),
  recorded: z.looseObject({ from: z.number(), to: z.number() }),
  writer: z.looseObject({ name: z.string() }).nullable(),
  viewers: z.number(),
});
type StateAnswer = z.infer<typeof stateShape>;

function stateSheet(ref: string, answer: StateAnswer): Sheet {
  const { setting, secretsSet, line, recorded, writer, viewers } = answer;
  return {
    item: answer,
    name: setting?.transport ?? '',
    facts: [
      ['machine', ref],
      ['transport', setting?.transport ?? 'none'],
      ...Object.entries(setting?.parameters ?? {}).map(([key, value]) => [key, String(value)] as const),
      ...secretsSet.map((field) => [field, '(set)'] as const),
      ['line', line.is === 'none' ? 'none' : `${line.is} since ${timeText(line.sinceMs) ?? ''}`],
      ['because', line.because],
      ['recorded', `octets ${recorded.from} to ${recorded.to}`],
      ['typing', writer?.name],
      ['watching', String(viewers)],
    ],
  };
}

const transportsOf = async (api: Api): Promise<z.infer<typeof transportsShape>['transports']> =>
  (await api.call({ method: 'GET', path: '/console-transports' }, transportsShape)).transports;

function addShow(parent: Command, context: CommandContext): void {
  parent
    .command('show')
    .description('how its line is reached and stands; secrets are never shown')
    .addArgument(REF)
    .action(async (ref: string, _options: unknown, command: Command) => {
      const call = { method: 'GET', path: pathOf('machines', ref, 'console') } as const;
      const answer = await context.api(command).call(call, stateShape);
      writeSheet(context.deps.terminal, context.format(command), stateSheet(ref, answer));
    });
  parent
    .command('transports')
    .description('the ways to serial lines, with their fields')
    .action(async (_options: unknown, command: Command) => {
      writeList(context.deps.terminal, context.format(command), {
        items: await transportsOf(context.api(command)),
        columns: [
          { title: 'NAME', value: ({ name }) => name },
          { title: 'SUMMARY', value: ({ summary }) => summary },
          { title: 'FIELDS', value: ({ fields }) => Object.keys(fields).join(', ') },
        ],
      });
    });
}

/** `farrier console set …`, `show`, `unset` and `transports`: how lines are reached. */
export function addConsoleSettings(parent: Command, context: CommandContext): void {
  parent
    .command('set')
    .description('says how its line is reached: it is kept open and recorded from then on; secrets as with power set')
    .addArgument(REF)
    .argument('<transport>', 'one of farrier console transports')
    .argument('[settings...]', 'field=value')
    .option('--secret-file <field=path...>', 'reads a secret from a file; - is standard input')
    .action(async (ref: string, name: string, words: readonly string[], options: unknown, command: Command) => {
      const { secretFile = [] } = z.object({ secretFile: z.array(z.string()).optional() }).parse(options);
      const api = context.api(command);
      const path = pathOf('machines', ref, 'console');
      const transport = formByName(await transportsOf(api), name, 'console transport');
      const before = await api.call({ method: 'GET', path }, stateShape);
      const alreadySet = before.setting?.transport === name ? before.secretsSet : [];
      const parameters = parametersOf(transport, words);
      const { terminal } = context.deps;
      const secrets = await secretsOf(transport, { terminal, secretFiles: secretFile, alreadySet });
      const after = await api.call({ method: 'PUT', path, body: { transport: name, parameters, secrets } }, stateShape);
      context.say(`the console of ${ref} is reached by ${name}; look at it: farrier console ${ref}`);
      writeSheet(terminal, context.format(command), stateSheet(ref, after));
    });
  addShow(parent, context);
  parent
    .command('unset')
    .description('forgets how its line is reached, secrets included; what was recorded stays')
    .addArgument(REF)
    .action(async (ref: string, _options: unknown, command: Command) => {
      await context.api(command).order({ method: 'DELETE', path: pathOf('machines', ref, 'console') });
      context.say(`the console of ${ref} is not recorded any more`);
    });
}
