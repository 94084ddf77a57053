import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { pause } from '../ports/clock.ts';
import type { CommandContext } from './context.ts';
import { parseDuration } from './duration.ts';
import { CliFailure, EXIT } from './failure.ts';
import { writeList } from './output.ts';

const PATH = '/power/flip-test';
const LOOK_EVERY_MS = 1000;

const flipShape = z.looseObject({
  state: z.string(),
  outlets: z.array(
    z.looseObject({
      machine: z.string(),
      step: z.string(),
      silent: z.array(z.string()),
      signs: z.array(z.string()).default([]),
      missing: z.array(z.string()),
      verdict: z.string().optional(),
      words: z.string().optional(),
    }),
  ),
});
type FlipAnswer = z.infer<typeof flipShape>;

interface FlipOptions {
  readonly yes?: true;
  readonly abort?: true;
  readonly silent?: number;
  readonly back?: number;
}

/** Whole seconds of `30s`, `5m`. */
function span(flags: string, words: string): Option {
  return new Option(flags, words).argParser((text) => {
    const parsed = parseDuration(text);
    if (!parsed.ok) throw new InvalidArgumentError(parsed.error);
    return Math.ceil(parsed.value / 1000);
  });
}

/** `farrier power flip-test …` */
export function addFlipTest(power: Command, context: CommandContext): void {
  power
    .command('flip-test')
    .description('switches off one outlet after another, watches who falls silent, and says which outlets are mixed up')
    .argument('[machines...]', 'whose outlets are tried; machines in use are refused')
    .option('--yes', 'each of them is switched off for it, and on again')
    .addOption(span('--silent <time>', 'how long somebody may take to fall silent; 30s unless told'))
    .addOption(span('--back <time>', 'how long they may take to come back; 5m unless told'))
    .option('--abort', 'ends the test under way; what is off is switched on again')
    .action(async (machines: readonly string[], options: FlipOptions, command: Command) => {
      if (options.abort === true) return abortTest(context, command);
      if (machines.length === 0) throw new CliFailure(EXIT.usage, 'name the machines whose outlets are to be tried');
      if (options.yes !== true)
        throw new CliFailure(EXIT.usage, `this switches off ${machines.join(', ')}, one after another; say --yes`);
      return runTest(context, command, machines, options);
    });
}

async function abortTest(context: CommandContext, command: Command): Promise<void> {
  await context.api(command).order({ method: 'DELETE', path: PATH });
  context.say('the flip test ends; what it switched off is switched on again');
}

async function runTest(
  context: CommandContext,
  command: Command,
  machines: readonly string[],
  { silent, back }: FlipOptions,
): Promise<void> {
  const api = context.api(command);
  const spans = {
    ...(silent === undefined ? {} : { silentS: silent }),
    ...(back === undefined ? {} : { backS: back }),
  };
  const body = { machines, confirm: true, ...spans };
  let test = await api.call({ method: 'POST', path: PATH, body }, flipShape);
  let said = 0;
  for (;;) {
    said = sayNews(context, test, said);
    if (test.state !== 'running') break;
    await pause(context.deps.clock, LOOK_EVERY_MS);
    test = await api.call({ method: 'GET', path: PATH }, flipShape);
  }
  writeList(context.deps.terminal, context.format(command), {
    items: test.outlets,
    columns: [
      { title: 'MACHINE', value: ({ machine }) => machine },
      { title: 'ITS OUTLET IS', value: ({ words }) => words ?? 'not tried' },
      { title: 'WITH IT OFF', value: ({ signs }) => signs.join(', ') },
      { title: 'NOT BACK', value: ({ missing }) => missing.join(', ') },
    ],
  });
  const wrong = test.outlets.filter(({ verdict, missing }) => verdict !== 'right' || missing.length > 0).length;
  if (wrong > 0) throw new CliFailure(EXIT.failed, `${wrong} of ${test.outlets.length} outlets are not proven right`);
}

/** Says what was found since the last look; the answer is how many were told. */
function sayNews(context: CommandContext, { outlets }: FlipAnswer, said: number): number {
  const done = outlets.filter(({ step }) => step === 'done');
  for (const { machine, words } of done.slice(said)) context.say(`${machine}: ${words ?? ''}`);
  return done.length;
}
