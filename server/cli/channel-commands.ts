import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { pathOf } from './client.ts';
import type { CommandContext } from './context.ts';
import { parseDuration } from './duration.ts';
import { CliFailure, EXIT } from './failure.ts';
import { factsBy, timeText, writeList, writeSheet, type Column } from './output.ts';

const channelShape = z.looseObject({
  name: z.string(),
  channel: z.string(),
  version: z.string(),
  previous: z.string().optional(),
  sinceMs: z.number(),
  by: z.string(),
});
const moveShape = z.looseObject({
  name: z.string(),
  channel: z.string(),
  version: z.string(),
  atMs: z.number(),
  by: z.string(),
  undoneMs: z.number().optional(),
});
const trialShape = z.looseObject({
  name: z.string(),
  bundle: z.string(),
  back: z.string().optional(),
  by: z.string(),
  step: z.string(),
  endsMs: z.number().optional(),
});
const kernelShape = z.looseObject({
  machine: z.string(),
  board: z.string().optional(),
  running: z.string().optional(),
  newest: z.object({ bundle: z.string(), release: z.string() }).optional(),
  verdict: z.string(),
});

const cellShape = z.looseObject({
  board: z.string(),
  bundle: z.string(),
  last: z.string(),
  lastMs: z.number(),
  good: z.number(),
  bad: z.number(),
});

const CELL_COLUMNS: readonly Column<z.infer<typeof cellShape>>[] = [
  { title: 'BOARD', value: (each) => each.board },
  { title: 'BUNDLE', value: (each) => each.bundle },
  { title: 'LAST', value: (each) => each.last },
  { title: 'WHEN', value: (each) => timeText(each.lastMs) },
  { title: 'GOOD', value: (each) => each.good },
  { title: 'BAD', value: (each) => each.bad },
];
const CHANNEL_COLUMNS: readonly Column<z.infer<typeof channelShape>>[] = [
  { title: 'CHANNEL', value: (each) => `${each.name}:${each.channel}` },
  { title: 'VERSION', value: (each) => each.version },
  { title: 'BEFORE', value: (each) => each.previous },
  { title: 'SINCE', value: (each) => timeText(each.sinceMs) },
  { title: 'BY', value: (each) => each.by },
];
const MOVE_COLUMNS: readonly Column<z.infer<typeof moveShape>>[] = [
  { title: 'CHANNEL', value: (each) => `${each.name}:${each.channel}` },
  { title: 'VERSION', value: (each) => each.version },
  { title: 'AT', value: (each) => timeText(each.atMs) },
  { title: 'BY', value: (each) => each.by },
  { title: 'ROLLED BACK', value: (each) => timeText(each.undoneMs) },
];
const TRIAL_COLUMNS: readonly Column<z.infer<typeof trialShape>>[] = [
  { title: 'MACHINE', value: (each) => each.name },
  { title: 'TRIES', value: (each) => each.bundle },
  { title: 'ELSE', value: (each) => each.back ?? 'its own disk' },
  { title: 'STEP', value: (each) => each.step },
  { title: 'UNTIL', value: (each) => timeText(each.endsMs) },
  { title: 'BY', value: (each) => each.by },
];
const KERNEL_COLUMNS: readonly Column<z.infer<typeof kernelShape>>[] = [
  { title: 'MACHINE', value: (each) => each.machine },
  { title: 'BOARD', value: (each) => each.board },
  { title: 'RUNS', value: (each) => each.running },
  { title: 'NEWEST', value: (each) => each.newest?.release },
  { title: 'IN', value: (each) => each.newest?.bundle },
  { title: 'VERDICT', value: (each) => each.verdict },
];

function readWithin(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.ok) return Math.ceil(parsed.value / 1000);
  throw new InvalidArgumentError(parsed.error);
}

/** `farrier bundle channel|promote|rollback|try|trials|matrix|report` */
export function addChannelCommands(bundle: Command, context: CommandContext): void {
  addChannels(bundle, context);
  addTrials(bundle, context);
  addMatrix(bundle, context);
  bundle
    .command('report')
    .description('machines that run an older kernel than the newest bundle for them, first')
    .action(async (_options: unknown, command: Command) => {
      const shape = z.object({ kernels: z.array(kernelShape) });
      const { kernels } = await context.api(command).call({ method: 'GET', path: '/kernels' }, shape);
      writeList(context.deps.terminal, context.format(command), { items: kernels, columns: KERNEL_COLUMNS });
    });
}

function addMatrix(bundle: Command, context: CommandContext): void {
  bundle
    .command('matrix')
    .description('how boots of each board with each bundle have ended, as far as they are kept')
    .action(async (_options: unknown, command: Command) => {
      const shape = z.object({ cells: z.array(cellShape) });
      const { cells } = await context.api(command).call({ method: 'GET', path: '/boot-matrix' }, shape);
      writeList(context.deps.terminal, context.format(command), { items: cells, columns: CELL_COLUMNS });
    });
}

function addChannels(bundle: Command, context: CommandContext): void {
  const { terminal } = context.deps;
  bundle
    .command('channel')
    .description('where each channel points')
    .option('--history', 'every move there was, those rolled back too')
    .action(async ({ history: isWanted }: { readonly history?: true }, command: Command) => {
      const shape = z.object({ channels: z.array(channelShape), history: z.array(moveShape) });
      const { channels, history } = await context.api(command).call({ method: 'GET', path: '/channels' }, shape);
      const format = context.format(command);
      if (isWanted) writeList(terminal, format, { items: history, columns: MOVE_COLUMNS });
      else writeList(terminal, format, { items: channels, columns: CHANNEL_COLUMNS });
    });
  bundle
    .command('promote')
    .description('points a channel at this version; machines that follow it get it at their next boot')
    .argument('<name@version>')
    .requiredOption('--to <channel>', 'stable, candidate or what you call it; it is made when it is new')
    .action(async (ref: string, { to }: { readonly to: string }, command: Command) => {
      const call = { method: 'POST', path: pathOf('bundles', ref, 'promote'), body: { channel: to } } as const;
      tellChannel(context, command, await context.api(command).call(call, channelShape));
    });
  bundle
    .command('rollback')
    .description('points a channel at what it pointed at before')
    .argument('<name>', "the bundle's name")
    .requiredOption('--channel <channel>', 'which of its channels')
    .action(async (name: string, { channel }: { readonly channel: string }, command: Command) => {
      const call = { method: 'POST', path: pathOf('channels', `${name}:${channel}`, 'rollback') } as const;
      tellChannel(context, command, await context.api(command).call(call, channelShape));
    });
}

function tellChannel(context: CommandContext, command: Command, item: z.infer<typeof channelShape>): void {
  const { name, channel, version } = item;
  context.say(`${name}:${channel} points at ${version}`);
  const sheet = { item, name: `${name}:${channel}`, facts: factsBy(CHANNEL_COLUMNS, item) };
  writeSheet(context.deps.terminal, context.format(command), sheet);
}

interface TryOptions {
  readonly deadline: number;
  readonly cycle: boolean;
  readonly abort?: true;
}

function addTrials(bundle: Command, context: CommandContext): void {
  bundle
    .command('try')
    .description('gives the next boot of a machine a bundle; without a call home it goes back by itself')
    .argument('<machine>', 'its name, MAC, id or the unique beginning of its name')
    .argument('[bundle]', 'name@version, or name:channel')
    .addOption(
      new Option('--deadline <time>', 'how long it has to call home, from power-on')
        .argParser(readWithin)
        .default(600, '10m'),
    )
    .option('--no-cycle', 'do not power-cycle it when it stays silent')
    .option('--abort', 'ends the trial; the next boot gets what it had before')
    .action((machine: string, ref: string | undefined, options: TryOptions, command: Command) =>
      options.abort ? abort(context, command, machine) : attempt(context, command, machine, ref, options),
    );
  bundle
    .command('trials')
    .description('bundles on trial')
    .action(async (_options: unknown, command: Command) => {
      const shape = z.object({ trials: z.array(trialShape) });
      const { trials } = await context.api(command).call({ method: 'GET', path: '/trials' }, shape);
      writeList(context.deps.terminal, context.format(command), { items: trials, columns: TRIAL_COLUMNS });
    });
}

async function abort(context: CommandContext, command: Command, machine: string): Promise<void> {
  await context.api(command).order({ method: 'DELETE', path: pathOf('machines', machine, 'trial') });
  context.say('the trial is over');
}

async function attempt(
  context: CommandContext,
  command: Command,
  machine: string,
  bundle: string | undefined,
  { deadline: withinS, cycle: mayCycle }: TryOptions,
): Promise<void> {
  if (bundle === undefined) throw new CliFailure(EXIT.usage, 'try what? farrier bundle try MACHINE NAME@VERSION');
  const path = pathOf('machines', machine, 'trial');
  const trial = await context
    .api(command)
    .call({ method: 'POST', path, body: { bundle, withinS, mayCycle } }, trialShape);
  context.say(
    `the next boot of ${trial.name} tries ${trial.bundle}; without a call home it goes back to ${trial.back ?? 'its own disk'}`,
  );
  const sheet = { item: trial, name: trial.name, facts: factsBy(TRIAL_COLUMNS, trial) };
  writeSheet(context.deps.terminal, context.format(command), sheet);
}
