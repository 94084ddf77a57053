import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { PARAMETER_TYPES } from '../core/parameter.ts';
import { pathOf, type Api, type Call } from './client.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import { writeList, type Column } from './output.ts';

const valueShape = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);
const settingShape = z.looseObject({
  scope: z.string(),
  subject: z.string(),
  name: z.string(),
  value: valueShape,
  by: z.string(),
});

/** A value that counts for a machine, as the API tells it. */
export const effectiveShape = z.looseObject({
  name: z.string(),
  value: valueShape,
  origin: z.string(),
  subject: z.string(),
  by: z.string().optional(),
  unit: z.string().optional(),
  overrides: z.array(settingShape),
});
const declarationShape = z.looseObject({
  name: z.string(),
  type: z.string(),
  meaning: z.string(),
  unit: z.string().optional(),
  reach: z.string(),
  by: z.string(),
});
const ofMachineShape = z.object({
  parameters: z.array(effectiveShape),
  findings: z.array(z.looseObject({ severity: z.string(), text: z.string(), remedy: z.string() })),
});
const allShape = z.object({ declarations: z.array(declarationShape), settings: z.array(settingShape) });

type Effective = z.infer<typeof effectiveShape>;
type Setting = z.infer<typeof settingShape>;

/** A value as one text. */
export function shownValue(value: z.infer<typeof valueShape>): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** Where a value comes from: `board apm-mustang`, `machine`, `next boot only`. */
export function originText({ origin, subject }: Pick<Effective, 'origin' | 'subject'>): string {
  if (origin === 'once') return 'next boot only';
  return origin === 'network' || origin === 'board' ? `${origin} ${subject}` : origin;
}

const overridden = ({ overrides }: Effective): string =>
  overrides.map((each) => `${shownValue(each.value)} (${originText({ ...each, origin: each.scope })})`).join('; ');

const EFFECTIVE: readonly Column<Effective>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'VALUE', value: ({ value, unit }) => `${shownValue(value)}${unit === undefined ? '' : ` ${unit}`}` },
  { title: 'FROM', value: originText },
  { title: 'SET BY', value: ({ by }) => by },
  { title: 'IN PLACE OF', value: overridden },
];
const DECLARED: readonly Column<z.infer<typeof declarationShape>>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'TYPE', value: ({ type, unit }) => (unit === undefined ? type : `${type} (${unit})`) },
  { title: 'REACHES', value: ({ reach }) => reach },
  { title: 'BY', value: ({ by }) => by },
  { title: 'MEANING', value: ({ meaning }) => meaning },
];
const SET: readonly Column<Setting>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'VALUE', value: ({ value }) => shownValue(value) },
  { title: 'FOR', value: (each) => `${each.scope} ${each.subject}`.trim() },
  { title: 'SET BY', value: ({ by }) => by },
];

interface Place {
  readonly machine?: string;
  readonly board?: string;
  readonly network?: string;
  readonly site?: boolean;
  readonly once?: boolean;
}

function withPlace(command: Command): Command {
  return command
    .addOption(new Option('--machine <machine>', 'of one machine').conflicts(['board', 'network', 'site']))
    .addOption(new Option('--board <board>', 'of all machines of a board').conflicts(['network', 'site']))
    .addOption(new Option('--network <network>', 'of all machines of a network').conflicts('site'))
    .option('--site', 'of all machines')
    .addOption(new Option('--once', 'of its next boot only').conflicts(['board', 'network', 'site']));
}

/** The place below `/parameters` or `/machines`, and what the call says of it besides. */
function farAway({ board, network, site }: Place): { readonly scope: string; readonly subject?: string } {
  if (board !== undefined) return { scope: 'board', subject: board };
  if (network !== undefined) return { scope: 'network', subject: network };
  if (site === true) return { scope: 'site' };
  throw new CliFailure(EXIT.usage, 'say for what: --machine NAME (and --once), --board NAME, --network NAME or --site');
}

function setCall(name: string, values: readonly string[], place: Place): Call {
  // One text is read as the type wants it; several are a list.
  const value = values.length === 1 ? values[0] : values;
  if (place.machine === undefined)
    return { method: 'PUT', path: `${pathOf('parameters', name)}/value`, body: { ...farAway(place), value } };
  const path = pathOf('machines', place.machine, 'parameters', name);
  return { method: 'PUT', path, body: { value, once: place.once === true } };
}

function unsetCall(name: string, place: Place): Call {
  if (place.machine === undefined)
    return { method: 'DELETE', path: `${pathOf('parameters', name)}/value`, query: { ...farAway(place) } };
  const query = place.once === true ? { once: 'true' } : {};
  return { method: 'DELETE', path: pathOf('machines', place.machine, 'parameters', name), query };
}

/** Sends a change; of a machine it shows what counts now and says what may be wrong with its arguments. */
async function change(context: CommandContext, command: Command, call: Call, place: Place): Promise<void> {
  const api = context.api(command);
  if (place.machine === undefined) return api.order(call);
  showMachine(context, command, await api.call(call, ofMachineShape));
}

function showMachine(context: CommandContext, command: Command, answer: z.infer<typeof ofMachineShape>): void {
  const { parameters, findings } = answer;
  writeList(context.deps.terminal, context.format(command), { items: parameters, columns: EFFECTIVE });
  for (const { severity, text, remedy } of findings) context.say(`${severity}: ${text}; ${remedy}`);
}

async function list(
  context: CommandContext,
  command: Command,
  api: Api,
  { machine, set }: { readonly machine?: string; readonly set?: boolean },
): Promise<void> {
  if (machine !== undefined) {
    const call: Call = { method: 'GET', path: pathOf('machines', machine, 'parameters') };
    showMachine(context, command, await api.call(call, ofMachineShape));
    return;
  }
  const { declarations, settings } = await api.call({ method: 'GET', path: '/parameters' }, allShape);
  const { terminal } = context.deps;
  if (set === true) writeList(terminal, context.format(command), { items: settings, columns: SET });
  else writeList(terminal, context.format(command), { items: declarations, columns: DECLARED });
}

function readNumber(text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('write a whole number');
}

interface Wish {
  readonly type: string;
  readonly meaning: string;
  readonly unit?: string;
  readonly choice?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly word?: string;
}

function addDeclaring(parameter: Command, context: CommandContext): void {
  parameter
    .command('declare')
    .description('declares a parameter of your own')
    .argument('<name>', 'lower case, with dots: lab.owner')
    .addOption(new Option('--type <type>', 'what its values are').choices(PARAMETER_TYPES).makeOptionMandatory())
    .requiredOption('--meaning <words>', 'one sentence, shown beside it')
    .option('--unit <unit>', 'of a number')
    .option('--choice <value...>', 'of a choice, or of a list')
    .option('--min <number>', 'of a number', readNumber)
    .option('--max <number>', 'of a number', readNumber)
    .option('--word <name>', 'the kernel argument that carries it; without it only the booted system is told')
    .action((name: string, { choice, ...wish }: Wish, command: Command) => {
      const body = { ...wish, ...(choice === undefined ? {} : { choices: choice }) };
      return context.api(command).order({ method: 'PUT', path: pathOf('parameters', name), body });
    });
  parameter
    .command('forget')
    .description('takes the declaration of a parameter of your own back')
    .argument('<name>')
    .action((name: string, _options: unknown, command: Command) =>
      context.api(command).order({ method: 'DELETE', path: pathOf('parameters', name) }),
    );
}

/** `farrier parameter …` */
export function addParameterCommands(program: Command, context: CommandContext): void {
  const parameter = program.command('parameter').description('parameters: what boards, machines and boots are told');
  const name = (): Argument => new Argument('<name>', 'as "farrier parameter list" shows it');
  parameter
    .command('list')
    .description('all there are; with --machine what counts for it, from where, and in place of what')
    .addOption(new Option('--machine <machine>', 'what counts for its next boot').conflicts('set'))
    .option('--set', 'every value that is set anywhere')
    .action((options: { readonly machine?: string; readonly set?: boolean }, command: Command) =>
      list(context, command, context.api(command), options),
    );
  withPlace(parameter.command('set'))
    .description('sets a value; of several places the nearest counts: site, network, board, machine, next boot')
    .addArgument(name())
    .argument('<value...>', 'several make a list')
    .action((what: string, values: readonly string[], place: Place, command: Command) =>
      change(context, command, setCall(what, values, place), place),
    );
  withPlace(parameter.command('unset'))
    .description('takes a value away; the next farther place counts again')
    .addArgument(name())
    .action((what: string, place: Place, command: Command) => change(context, command, unsetCall(what, place), place));
  addDeclaring(parameter, context);
}
