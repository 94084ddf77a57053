import { Argument, Option, type Command } from 'commander';
import { z } from 'zod';
import { REST_STATES, STATES } from '../core/lifecycle.ts';
import { uploadArtefact } from './artefact-upload.ts';
import { pathOf, type Api, type Call } from './client.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import {
  isMoving,
  MACHINE_COLUMNS,
  machineShape,
  machineSheet,
  saysLoader,
  type MachineAnswer,
} from './machine-view.ts';
import { bootShape, writeVerdicts } from './boot-verdicts.ts';
import { timeText, writeList, writeSheet, type Column } from './output.ts';
import { waitFor, waitOption } from './wait.ts';

const REF = new Argument('<machine>', 'its name, MAC, id or the unique beginning of its name');

interface EditOptions {
  readonly name?: string;
  readonly board?: string;
  readonly bundle?: string;
  readonly arg?: readonly string[];
  readonly dtb?: string;
  readonly overlay?: readonly string[];
  readonly reserved?: string;
  readonly mac?: readonly string[];
  readonly rack?: string;
  readonly slot?: string;
  readonly clear?: readonly string[];
}
interface ListOptions {
  readonly state?: readonly string[];
  readonly loader?: string;
}
interface WaitOptions {
  readonly wait?: number;
}

/** Adds what an operator may change to a command. */
function withEdits(command: Command): Command {
  return command
    .option('--name <name>', 'its new name')
    .option('--board <board>', 'its board, in place of the recognised one')
    .option('--bundle <name@version>', 'what it boots')
    .option('--arg <word...>', 'its own kernel-argument words, in place of the present ones')
    .option('--dtb <file>', 'a device tree of its own, in place of its board’s')
    .option('--overlay <file...>', 'compiled overlays for its device tree, in this order, in place of the present ones')
    .option('--reserved <address>', 'the address kept for it')
    .option('--mac <mac...>', 'all its MACs, the one it boots from first')
    .option('--rack <name>', 'the rack it sits in')
    .option('--slot <units>', 'where in the rack, from the bottom: 3, 3-4 or "3 left"')
    .addOption(
      new Option('--clear <what...>', 'takes these away').choices([
        'board',
        'bundle',
        'reserved',
        'args',
        'dtb',
        'overlays',
        'rack',
        'slot',
      ]),
    );
}

/** What `--clear` sends for the lists, which are emptied; all else is set to null. */
const EMPTIED: Readonly<Record<string, string>> = { args: 'extraArgs', overlays: 'overlays' };

async function editOf(api: Api, options: EditOptions): Promise<Record<string, unknown>> {
  const { name, board, bundle, arg, dtb, overlay, reserved, mac, rack, slot, clear = [] } = options;
  const nulls = clear.map((what): readonly [string, unknown] => {
    const list = EMPTIED[what];
    return list === undefined ? [what, null] : [list, []];
  });
  const tree = dtb === undefined ? undefined : (await uploadArtefact(api, dtb)).sha256;
  const overlays = [];
  for (const file of overlay ?? []) overlays.push((await uploadArtefact(api, file)).sha256);
  const trees = { dtb: tree, overlays: overlay && overlays };
  const given = { name, board, bundle, extraArgs: arg, ...trees, reserved, macs: mac, rack, slot };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...nulls, ...set]);
}

function isMissing(error: unknown): boolean {
  return error instanceof CliFailure && error.exit === EXIT.notFound;
}

async function whenKnown(
  context: CommandContext,
  waitMs: number,
  ask: () => Promise<MachineAnswer>,
): Promise<MachineAnswer> {
  return waitFor(context.deps.clock, waitMs, 'the machine', () =>
    ask().catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    }),
  );
}

/** Sends a change and shows the machine it led to, at rest if that is waited for. */
async function changed(context: CommandContext, command: Command, call: Call): Promise<void> {
  const api = context.api(command);
  const { wait } = command.opts<WaitOptions>();
  const after = await api.call(call, machineShape);
  const settled = (machine: MachineAnswer): MachineAnswer | undefined => (isMoving(machine) ? undefined : machine);
  const machine =
    wait === undefined
      ? after
      : await waitFor(context.deps.clock, wait, `a rest state of ${after.name}`, async () =>
          settled(await oneMachine(api, after.id)),
        );
  context.say(`${machine.name} is ${machine.state}`);
  writeSheet(context.deps.terminal, context.format(command), machineSheet(machine));
}

function oneMachine(api: Api, ref: string): Promise<MachineAnswer> {
  return api.call({ method: 'GET', path: pathOf('machines', ref) }, machineShape);
}

const eventShape = z.looseObject({
  atMs: z.number(),
  kind: z.string(),
  severity: z.string(),
  boot: z.string().optional(),
  text: z.string(),
});
const timelineShape = z.object({ boots: z.array(bootShape), events: z.array(eventShape) });
const EVENT_COLUMNS: readonly Column<z.infer<typeof eventShape>>[] = [
  { title: 'TIME', value: (event) => timeText(event.atMs) },
  { title: 'KIND', value: (event) => event.kind },
  { title: 'SEVERITY', value: (event) => event.severity },
  { title: 'BOOT', value: (event) => event.boot },
  { title: 'WHAT', value: (event) => event.text },
];

function addReading(machine: Command, context: CommandContext): void {
  const { terminal } = context.deps;
  machine
    .command('list')
    .description('all machines, or those in some states')
    .addOption(new Option('--state <state...>', 'only these').choices(STATES))
    .option(
      '--loader <words>',
      'only those whose loader, its version or vendor class holds these words: u-boot, "ipxe 1.21"',
    )
    .action(async ({ state, loader = '' }: ListOptions, command: Command) => {
      const shape = z.object({ machines: z.array(machineShape) });
      const { machines } = await context.api(command).call({ method: 'GET', path: '/machines' }, shape);
      const items = machines.filter(
        (each) => (state === undefined || state.includes(each.state)) && saysLoader(each, loader),
      );
      writeList(terminal, context.format(command), { items, columns: MACHINE_COLUMNS });
    });
  machine
    .command('show')
    .description('all that is known of one machine')
    .addArgument(REF)
    .addOption(waitOption('waits until it is known'))
    .action(async (ref: string, { wait }: WaitOptions, command: Command) => {
      const ask = (): Promise<MachineAnswer> => oneMachine(context.api(command), ref);
      const found = wait === undefined ? await ask() : await whenKnown(context, wait, ask);
      writeSheet(terminal, context.format(command), machineSheet(found));
    });
  machine
    .command('timeline')
    .description('the verdicts over its last boots, and what happened to it, oldest first')
    .addArgument(REF)
    .option('--boot <id>', 'only this boot')
    .option('--limit <count>', 'only the newest so many')
    .action(async (ref: string, query: { readonly boot?: string; readonly limit?: string }, command: Command) => {
      const call: Call = { method: 'GET', path: pathOf('machines', ref, 'timeline'), query: { ...query } };
      const { boots, events } = await context.api(command).call(call, timelineShape);
      const format = context.format(command);
      if (format === 'json' || format === 'yaml') {
        writeSheet(terminal, format, { item: { boots, events }, name: ref, facts: [] });
        return;
      }
      if (format === 'table') writeVerdicts(terminal, boots);
      writeList(terminal, format, { items: events, columns: EVENT_COLUMNS });
    });
}

function addChanging(machine: Command, context: CommandContext): void {
  const atRest = (): Option => waitOption('waits until it rests');
  withEdits(machine.command('accept'))
    .description('takes a new machine in, with changes in the same step')
    .addArgument(REF)
    .addOption(atRest())
    .action(async (ref: string, options: EditOptions, command: Command) => {
      const body = await editOf(context.api(command), options);
      return changed(context, command, { method: 'POST', path: pathOf('machines', ref, 'accept'), body });
    });
  withEdits(machine.command('edit'))
    .description('changes a machine')
    .addArgument(REF)
    .action(async (ref: string, options: EditOptions, command: Command) => {
      const body = await editOf(context.api(command), options);
      if (Object.keys(body).length === 0)
        throw new CliFailure(EXIT.usage, 'nothing to change; farrier machine edit --help names what can be');
      return changed(context, command, { method: 'PATCH', path: pathOf('machines', ref), body });
    });
  machine
    .command('abort')
    .description('stops the work under way')
    .addArgument(REF)
    .addOption(atRest())
    .action((ref: string, _options: WaitOptions, command: Command) =>
      changed(context, command, { method: 'POST', path: pathOf('machines', ref, 'abort') }),
    );
  machine
    .command('force')
    .description('puts it into a rest state, whatever it was doing')
    .addArgument(REF)
    .addArgument(new Argument('<state>', 'where to').choices(REST_STATES))
    .requiredOption('--because <words>', 'why; it stands in its timeline')
    .action((ref: string, to: string, { because }: { readonly because: string }, command: Command) =>
      changed(context, command, { method: 'POST', path: pathOf('machines', ref, 'force'), body: { to, because } }),
    );
  machine
    .command('rm')
    .description('forgets a machine that is new, ready, broken or retired; its events stay')
    .addArgument(REF)
    .option('--force', 'whatever its state')
    .action(async (ref: string, { force }: { readonly force?: boolean }, command: Command) => {
      const query = force ? { force: 'true' } : {};
      await context.api(command).order({ method: 'DELETE', path: pathOf('machines', ref), query });
      context.say(`${ref} is forgotten`);
    });
}

/** `farrier machine …` */
export function addMachineCommands(program: Command, context: CommandContext): void {
  const machine = program.command('machine').description('machines: list, look at, accept, change');
  addReading(machine, context);
  addChanging(machine, context);
}
