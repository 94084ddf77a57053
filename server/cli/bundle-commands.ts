import type { AgentExtras } from '../../agent/extras.ts';
import { Argument, Option, type Command } from 'commander';
import { z } from 'zod';
import { addBundleImport, importBundle } from './bundle-import.ts';
import { BUNDLE_COLUMNS, bundleShape, sheetOf, type BundleAnswer } from './bundle-view.ts';
import { addChannelCommands } from './channel-commands.ts';
import { pathOf } from './client.ts';
import type { CommandContext } from './context.ts';
import { PACKAGED_ARCHES, type PackagedArch } from './deps.ts';
import { writeList, writeSheet, type Fact } from './output.ts';

const contentsShape = z.looseObject({
  kernelForm: z.string(),
  kernelRelease: z.string().optional(),
  initrdUnread: z.string().optional(),
  needs: z.array(z.string()),
  counts: z.record(z.string(), z.number()),
  found: z.record(z.string(), z.array(z.string())).optional(),
});

const KINDS: readonly (readonly [kind: string, title: string])[] = [
  ['programs', 'programs in the initrd'],
  ['initrdModules', 'modules in the initrd'],
  ['modules', 'modules of its package'],
  ['builtIn', 'built into the kernel'],
  ['config', 'configuration flags'],
];

function contentsFacts(contents: z.infer<typeof contentsShape> | undefined): readonly Fact[] {
  if (!contents) return [['contents', 'not known: nobody looked when it was imported']];
  const { kernelForm, kernelRelease, initrdUnread, needs, counts, found } = contents;
  return [
    ['kernel form', kernelForm],
    ['kernel release', kernelRelease],
    ['initrd not read', initrdUnread],
    ['needs', needs.join(' ')],
    ...KINDS.map(([kind, title]): Fact => [title, found ? found[kind]?.join(' ') : (counts[kind] ?? 'not known')]),
  ];
}

function addShow(bundle: Command, context: CommandContext): void {
  bundle
    .command('show')
    .description('one bundle and what is in it')
    .argument('<name@version>')
    .option('--find <text>', 'the flags, modules and programs in whose names the text stands')
    .action(async (ref: string, { find }: { readonly find?: string }, command: Command) => {
      const shape = z.object({ bundle: bundleShape, contents: contentsShape.optional() });
      const answer = await context
        .api(command)
        .call({ method: 'GET', path: pathOf('bundles', ref), query: { find } }, shape);
      const sheet = sheetOf(answer.bundle);
      const facts = [...sheet.facts, ...contentsFacts(answer.contents)];
      writeSheet(context.deps.terminal, context.format(command), { ...sheet, item: answer, facts });
    });
}

async function allBundles(context: CommandContext, command: Command): Promise<readonly BundleAnswer[]> {
  const shape = z.object({ bundles: z.array(bundleShape) });
  return (await context.api(command).call({ method: 'GET', path: '/bundles' }, shape)).bundles;
}

/** `farrier bundle …` */
export function addBundleCommands(program: Command, context: CommandContext): void {
  const bundle = program.command('bundle').description('what machines boot: kernel, initrd and arguments as one thing');
  bundle
    .command('list')
    .description('all bundles')
    .action(async (_options: unknown, command: Command) => {
      const items = await allBundles(context, command);
      writeList(context.deps.terminal, context.format(command), { items, columns: BUNDLE_COLUMNS });
    });
  addShow(bundle, context);
  addBundleImport(bundle, context);
  addChannelCommands(bundle, context);
  bundle
    .command('rm')
    .description('removes a bundle that no machine, channel or trial needs')
    .argument('<name@version>')
    .action(async (ref: string, _options: unknown, command: Command) => {
      await context.api(command).order({ method: 'DELETE', path: pathOf('bundles', ref) });
      context.say(`${ref} is removed`);
    });
}

/** `farrier agent …` */
export function addAgentCommands(program: Command, context: CommandContext): void {
  const agent = program.command('agent').description('the small system that enlists machines');
  agent
    .command('build')
    .description("builds it from Debian's packages and imports it; needs no rights")
    .addOption(new Option('--arch <arch>', 'for which machines').choices(PACKAGED_ARCHES).makeOptionMandatory())
    .option('--ssh', 'with dropbear, 2 MB more, so that the parameter debug.ssh has an effect')
    .option('--ipmi', "with ipmitool, 5 MB more: it finds the machine's BMC (docs/agent.md)")
    .action(async ({ arch, ...extras }: { readonly arch: PackagedArch } & AgentExtras, command: Command) =>
      importBundle(context, command, await context.deps.work.buildAgent(arch, context.say, extras)),
    );
  agent
    .command('list')
    .description('the agents there are')
    .addArgument(new Argument('[arch]', 'only for this one').choices(PACKAGED_ARCHES))
    .action(async (arch: string | undefined, _options: unknown, command: Command) => {
      const items = (await allBundles(context, command)).filter(
        (each) => each.role === 'agent' && (arch === undefined || each.arch === arch),
      );
      writeList(context.deps.terminal, context.format(command), { items, columns: BUNDLE_COLUMNS });
    });
}
