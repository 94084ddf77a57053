import { Argument, InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { pathOf, type Api, type Call } from './client.ts';
import type { CommandContext } from './context.ts';
import { addFlipTest } from './flip-test-command.ts';
import { timeText, writeSheet, type Sheet } from './output.ts';
import { orderManyMachines, staggerOption, type ManyOptions } from './power-many.ts';
import { driverShape, formByName, parametersOf, secretsOf, type DriverAnswer } from './power-parameters.ts';
import { waitOption } from './wait.ts';

const REF = new Argument('<machine>', 'its name, MAC, id or the unique beginning of its name');
/** Longer than the slowest driver takes with all its tries. */
const ORDER_MS = 30 * 60_000;
const BLINK_S = 60;
const BLINK_S_MAX = 255;

const seenShape = z.looseObject({ state: z.string(), atMs: z.number(), because: z.string().optional() });
const outcomeShape = z.looseObject({ is: z.string(), seen: seenShape });
const infoShape = z.looseObject({ info: z.record(z.string(), z.string()).default({}) });
const settingShape = z.looseObject({
  setting: z
    .looseObject({
      driver: z.string(),
      parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      shared: z.boolean().optional(),
    })
    .optional(),
  secretsSet: z.array(z.string()),
  seen: seenShape.optional(),
  underWay: z.string().optional(),
});
type SettingAnswer = z.infer<typeof settingShape>;

const ORDERS = {
  on: 'switches it on, and returns when it was seen on',
  off: 'switches it off, and returns when it was seen off',
  cycle: 'off, seen off, a pause, on, seen on',
  reset: 'restarts it without switching it off',
} as const;

function addOrder(power: Command, context: CommandContext, verb: keyof typeof ORDERS): void {
  power
    .command(verb)
    .description(`${ORDERS[verb]}; many machines are ordered one after another, and their timelines tell how it ended`)
    .argument('[machines...]', 'by name, MAC, id or the unique beginning of a name')
    .option('--all-in <network>', 'all machines of this network that have a power setting')
    .addOption(staggerOption())
    .option('--force', 'although it is refused: it would not boot, or (administrators) its outlet is shared and in use')
    .addOption(waitOption('waits for the outcome of one machine, as it does anyway'))
    .action(async (refs: readonly string[], options: OrderOptions, command: Command) => {
      const [ref] = refs;
      if (ref === undefined || refs.length > 1 || options.allIn !== undefined)
        return orderManyMachines(context, command, verb, refs, options);
      const path = pathOf('machines', ref, 'power', verb);
      const body = options.force === true ? { body: { force: true } } : {};
      return askOne(context, command, ref, { method: 'POST', path, ...body, timeoutMs: options.wait ?? ORDER_MS });
    });
}

type OrderOptions = ManyOptions & { readonly wait?: number };

async function askOne(context: CommandContext, command: Command, ref: string, call: Call): Promise<void> {
  const { seen, ...rest } = await context.api(command).call(call, outcomeShape);
  const sheet: Sheet = {
    item: { machine: ref, ...rest, seen },
    name: seen.state,
    facts: [
      ['machine', ref],
      ['power', seen.state],
      ['seen', timeText(seen.atMs)],
      ['because', seen.because],
    ],
  };
  writeSheet(context.deps.terminal, context.format(command), sheet);
}

function addStatus(power: Command, context: CommandContext): void {
  power
    .command('status')
    .description('asks its power state now')
    .addArgument(REF)
    .addOption(waitOption('waits for the outcome, as it does anyway'))
    .action((ref: string, { wait = ORDER_MS }: { readonly wait?: number }, command: Command) =>
      askOne(context, command, ref, {
        method: 'POST',
        path: pathOf('machines', ref, 'power', 'status'),
        timeoutMs: wait,
      }),
    );
}

function settingSheet(ref: string, answer: SettingAnswer): Sheet {
  const { setting, secretsSet, seen, underWay } = answer;
  return {
    item: answer,
    name: setting?.driver ?? '',
    facts: [
      ['machine', ref],
      ['driver', setting?.driver ?? 'none'],
      ['outlet', setting?.shared === true ? 'shared with other machines' : undefined],
      ...Object.entries(setting?.parameters ?? {}).map(([key, value]) => [key, String(value)] as const),
      ...secretsSet.map((field) => [field, '(set)'] as const),
      ['power', seen?.state],
      ['seen', timeText(seen?.atMs)],
      ['under way', underWay],
    ],
  };
}

async function driverByName(api: Api, name: string): Promise<DriverAnswer> {
  const shape = z.object({ drivers: z.array(driverShape) });
  const { drivers } = await api.call({ method: 'GET', path: '/drivers' }, shape);
  return formByName(drivers, name, 'power driver');
}

interface SetOptions {
  readonly secretFile?: readonly string[];
  readonly shared?: boolean;
}

async function setPower(
  context: CommandContext,
  command: Command,
  order: { readonly ref: string; readonly driver: string; readonly settings: readonly string[] } & SetOptions,
): Promise<void> {
  const api = context.api(command);
  const path = pathOf('machines', order.ref, 'power');
  const [driver, before] = [
    await driverByName(api, order.driver),
    await api.call({ method: 'GET', path }, settingShape),
  ];
  const parameters = parametersOf(driver, order.settings);
  const alreadySet = before.setting?.driver === driver.name ? before.secretsSet : [];
  const secrets = await secretsOf(driver, {
    terminal: context.deps.terminal,
    secretFiles: order.secretFile ?? [],
    alreadySet,
  });
  const shared = order.shared === undefined ? {} : { shared: order.shared };
  const body = { driver: driver.name, parameters, secrets, ...shared };
  const after = await api.call({ method: 'PUT', path, body }, settingShape);
  const next = driver.abilities.includes('status') ? 'status' : 'on';
  context.say(`${order.ref} is switched by ${driver.name}; try: farrier power ${next} ${order.ref}`);
  writeSheet(context.deps.terminal, context.format(command), settingSheet(order.ref, after));
}

function addSettings(power: Command, context: CommandContext): void {
  power
    .command('show')
    .description('how it is switched; secrets are never shown')
    .addArgument(REF)
    .action(async (ref: string, _options: unknown, command: Command) => {
      const call = { method: 'GET', path: pathOf('machines', ref, 'power') } as const;
      const answer = await context.api(command).call(call, settingShape);
      writeSheet(context.deps.terminal, context.format(command), settingSheet(ref, answer));
    });
  power
    .command('set')
    .description('says how it is switched; secrets are asked for, or read from files, never taken as arguments')
    .addArgument(REF)
    .argument('<driver>', 'one of farrier driver list')
    .argument('[settings...]', 'field=value')
    .option('--secret-file <field=path...>', 'reads a secret from a file; - is standard input')
    .option('--shared', 'other machines hang on this outlet too; say so for all of them')
    .option('--no-shared', 'it has the outlet for itself')
    .action((ref: string, driver: string, settings: readonly string[], options: SetOptions, command: Command) =>
      setPower(context, command, { ref, driver, settings, ...options }),
    );
  power
    .command('unset')
    .description('forgets how it is switched, secrets included')
    .addArgument(REF)
    .action(async (ref: string, _options: unknown, command: Command) => {
      await context.api(command).order({ method: 'DELETE', path: pathOf('machines', ref, 'power') });
      context.say(`${ref} is not switched by Farrier any more`);
    });
}

/** 0 to 255, as IPMI has it. */
function readSeconds(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= BLINK_S_MAX) return Number(text);
  throw new InvalidArgumentError(`seconds are a whole number from 0 to ${BLINK_S_MAX}`);
}

function addAsides(power: Command, context: CommandContext): void {
  power
    .command('bootdev')
    .description('sets the device of the next boot only')
    .addArgument(REF)
    .addArgument(new Argument('<device>', 'what it boots from').choices(['pxe', 'disk', 'none']))
    .action(async (ref: string, device: string, _options: unknown, command: Command) => {
      const path = pathOf('machines', ref, 'power', 'bootdev');
      await context.api(command).order({ method: 'POST', path, body: { device }, timeoutMs: ORDER_MS });
      context.say(`${ref} boots from ${device} next`);
    });
  power
    .command('identify')
    .description('makes it blink, so that somebody finds it in the rack')
    .addArgument(REF)
    .addArgument(
      new Argument('[seconds]', 'for how long, up to 255; 0 ends it').argParser(readSeconds).default(BLINK_S),
    )
    .action(async (ref: string, forS: number, _options: unknown, command: Command) => {
      const path = pathOf('machines', ref, 'power', 'identify');
      await context.api(command).order({ method: 'POST', path, body: { forS }, timeoutMs: ORDER_MS });
      context.say(forS === 0 ? `${ref} blinks no longer` : `${ref} blinks for ${forS} s`);
    });
  power
    .command('info')
    .description('what its controller says of itself and the chassis: firmware, maker, last power event')
    .addArgument(REF)
    .action(async (ref: string, _options: unknown, command: Command) => {
      const call = { method: 'POST', path: pathOf('machines', ref, 'power', 'info'), timeoutMs: ORDER_MS } as const;
      const { info } = await context.api(command).call(call, infoShape);
      const facts = [['machine', ref] as const, ...Object.entries(info)];
      writeSheet(context.deps.terminal, context.format(command), { item: info, name: ref, facts });
    });
  power
    .command('say')
    .description('what you see of it, where its driver cannot see')
    .addArgument(REF)
    .addArgument(new Argument('<state>', 'what you see').choices(['on', 'off', 'unknown']))
    .action((ref: string, state: string, _options: unknown, command: Command) =>
      askOne(context, command, ref, {
        method: 'POST',
        path: pathOf('machines', ref, 'power', 'say'),
        body: { state },
      }),
    );
}

/** `farrier power …` */
export function addPowerCommands(program: Command, context: CommandContext): void {
  const power = program.command('power').description('switches machines, and says what was seen');
  for (const verb of ['on', 'off', 'cycle', 'reset'] as const) addOrder(power, context, verb);
  addStatus(power, context);
  addAsides(power, context);
  addFlipTest(power, context);
  addSettings(power, context);
}
