import { Argument, Option, type Command } from 'commander';
import { z } from 'zod';
import { pathOf } from './client.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import { writeList, writeSheet, type Column, type Fact } from './output.ts';
import { driverShape, formByName, parametersOf, secretsOf, type DriverAnswer } from './power-parameters.ts';

/** Rules wait for deadlines, one after another. */
const TEST_MS = 30 * 60_000;

const problemShape = z.looseObject({ file: z.string(), because: z.string() });
const listShape = z.object({ drivers: z.array(driverShape), problems: z.array(problemShape).default([]) });
const resultShape = z.looseObject({
  rule: z.string(),
  sentence: z.string(),
  verdict: z.string(),
  because: z.string(),
});
const testShape = z.looseObject({ on: z.string(), passed: z.boolean(), results: z.array(resultShape) });
type TestResult = z.infer<typeof resultShape>;

/** A driver, or a file that is none. */
type Listed = DriverAnswer | z.infer<typeof problemShape>;

const isDriver = (each: Listed): each is DriverAnswer => 'abilities' in each;

const DRIVER_COLUMNS: readonly Column<Listed>[] = [
  { title: 'NAME', value: (each) => (isDriver(each) ? each.name : '-') },
  { title: 'ABILITIES', value: (each) => (isDriver(each) ? each.abilities.join(', ') : 'broken') },
  { title: 'SUMMARY', value: (each) => (isDriver(each) ? each.summary : each.because) },
  { title: 'FROM', value: (each) => (isDriver(each) ? each.origin : each.file) },
];

const RESULT_COLUMNS: readonly Column<TestResult>[] = [
  { title: 'RULE', value: (result) => result.rule },
  { title: 'VERDICT', value: (result) => result.verdict },
  { title: 'BECAUSE', value: (result) => result.because },
];

function fieldText(field: DriverAnswer['fields'][string]): string {
  const parts = [
    field.label,
    field.kind === 'secret' ? 'secret' : undefined,
    field.required ? 'needed' : undefined,
    field.default === undefined ? undefined : `default ${field.default}`,
    field.choices && `one of ${field.choices.join(', ')}`,
    field.unit && `in ${field.unit}`,
    field.help,
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}

async function driverBy(context: CommandContext, command: Command, name: string): Promise<DriverAnswer> {
  const { drivers } = await context.api(command).call({ method: 'GET', path: '/drivers' }, listShape);
  return formByName(drivers, name, 'power driver');
}

function addList(driver: Command, context: CommandContext): void {
  const { terminal } = context.deps;
  driver
    .command('list')
    .description('all power drivers, and the files in driver folders that are none, with the reason')
    .action(async (_options: unknown, command: Command) => {
      const { drivers, problems } = await context.api(command).call({ method: 'GET', path: '/drivers' }, listShape);
      const items: readonly Listed[] = [...drivers, ...problems];
      const format = context.format(command);
      const named = format === 'name' ? drivers : items;
      writeList(terminal, format, { items: named, columns: DRIVER_COLUMNS });
    });
}

function addShow(driver: Command, context: CommandContext): void {
  driver
    .command('show')
    .description('the fields a power driver needs')
    .argument('<driver>')
    .action(async (name: string, _options: unknown, command: Command) => {
      const found = await driverBy(context, command, name);
      const facts: readonly Fact[] = [
        ['name', found.name],
        ['summary', found.summary],
        ['abilities', found.abilities.join(', ')],
        ['from', found.origin],
        ...Object.entries(found.fields).map(([key, field]) => [key, fieldText(field)] as const),
      ];
      writeSheet(context.deps.terminal, context.format(command), { item: found, name, facts });
    });
}

interface TestOptions {
  readonly machine?: string;
  readonly set?: readonly string[];
  readonly secretFile?: readonly string[];
  readonly yesSwitch?: boolean;
}

/** What the test is made on: a machine's own setting, fields as they are given, or nothing. */
async function deviceOf(
  context: CommandContext,
  command: Command,
  name: string,
  { machine, set, secretFile = [] }: TestOptions,
): Promise<object> {
  if (machine !== undefined) {
    if (set || secretFile.length > 0) throw new CliFailure(EXIT.usage, 'give --machine or --set, not both');
    return { machine };
  }
  const driver = await driverBy(context, command, name);
  if (!set) return {};
  const parameters = parametersOf(driver, set);
  const { terminal } = context.deps;
  return { parameters, secrets: await secretsOf(driver, { terminal, secretFiles: secretFile, alreadySet: [] }) };
}

async function test(context: CommandContext, command: Command, name: string, options: TestOptions): Promise<void> {
  const { terminal } = context.deps;
  const { yesSwitch = false } = options;
  const body = { ...(await deviceOf(context, command, name, options)), switches: yesSwitch };
  const call = { method: 'POST', path: pathOf('drivers', name, 'test'), body, timeoutMs: TEST_MS } as const;
  const answer = await context.api(command).call(call, testShape);
  const format = context.format(command);
  if (format === 'json' || format === 'yaml') writeSheet(terminal, format, { item: answer, name, facts: [] });
  else writeList(terminal, format, { items: answer.results, columns: RESULT_COLUMNS });
  const count = (verdict: string): number => answer.results.filter((each) => each.verdict === verdict).length;
  const words = `${name} on ${answer.on}: ${count('pass')} rules kept, ${count('fail')} broken, ${count('not-judged')} not judged`;
  if (!answer.passed) throw new CliFailure(EXIT.failed, words);
  const wantsLeave = answer.results.some(({ because }) => because.includes('--yes-switch'));
  context.say(wantsLeave ? `${words}; to switch it on and off: --yes-switch` : words);
}

function addTest(driver: Command, context: CommandContext): void {
  driver
    .command('test')
    .description(
      'whether a power driver keeps the rules: exit 1 when it breaks one; on its pretend device where no real one is named',
    )
    .argument('<driver>')
    .option('--machine <machine>', 'on this machine, by its own power setting; it must not be in use')
    .option('--set <field=value...>', 'on a device with these fields; its secrets are asked for')
    .option('--secret-file <field=path...>', 'reads a secret from a file; - is standard input')
    .option('--yes-switch', 'really switches the machine, and tries one wrong secret')
    .action((name: string, options: TestOptions, command: Command) => test(context, command, name, options));
}

function addNew(driver: Command, context: CommandContext): void {
  driver
    .command('new')
    .description('writes a working power driver to start from, and a pretend device to test it on')
    .addArgument(new Argument('<name>', 'small letters, digits and dashes'))
    .addArgument(new Argument('<folder>', 'a driver folder, as powerDrivers in farrier.yaml names it'))
    .addOption(new Option('--shell', 'as a shell script (the default)').conflicts('js'))
    .option('--js', 'as a JavaScript module')
    .action(async (name: string, folder: string, { js = false }: { readonly js?: boolean }) => {
      const file = await context.deps.work.newDriver({ name, folder, language: js ? 'js' : 'shell' });
      context.deps.terminal.writeOut(`${file}\n`);
      context.say(`a driver within 5 s where farrier.yaml names its folder; try: farrier driver test ${name}`);
    });
}

/** `farrier driver …` */
export function addDriverCommands(program: Command, context: CommandContext): void {
  const driver = program.command('driver').description('power drivers');
  addList(driver, context);
  addShow(driver, context);
  addTest(driver, context);
  addNew(driver, context);
}
