import { basename, resolve } from 'node:path';
import { Argument, Option, type Command } from 'commander';
import { z } from 'zod';
import { ARCHES } from '../core/arch.ts';
import { pathOf, type Api } from './client.ts';
import type { CommandContext } from './context.ts';
import type { BundleFiles, PackagedArch } from './deps.ts';
import { CliFailure, EXIT } from './failure.ts';
import { timeText, writeList, writeSheet, type Column, type Sheet } from './output.ts';

const PACKAGED: readonly PackagedArch[] = ['amd64', 'arm64', 'armhf'];

const artefactShape = z.looseObject({ name: z.string(), sha256: z.string(), octets: z.number() });
const bundleShape = z.looseObject({
  name: z.string(),
  version: z.string(),
  arch: z.string(),
  role: z.string(),
  kernel: artefactShape,
  initrd: artefactShape.optional(),
  kernelArgs: z.array(z.string()),
  loaders: z.array(artefactShape),
  source: z.string(),
  createdMs: z.number(),
});
type BundleAnswer = z.infer<typeof bundleShape>;

const refOf = (bundle: Pick<BundleAnswer, 'name' | 'version'>): string => `${bundle.name}@${bundle.version}`;

const COLUMNS: readonly Column<BundleAnswer>[] = [
  { title: 'BUNDLE', value: refOf },
  { title: 'ARCH', value: (bundle) => bundle.arch },
  { title: 'ROLE', value: (bundle) => bundle.role },
  { title: 'OCTETS', value: (bundle) => bundle.kernel.octets + (bundle.initrd?.octets ?? 0) },
  { title: 'IMPORTED', value: (bundle) => timeText(bundle.createdMs) },
  { title: 'SOURCE', value: (bundle) => bundle.source },
];

function sheetOf(bundle: BundleAnswer): Sheet {
  return {
    item: bundle,
    name: refOf(bundle),
    facts: [
      ['bundle', refOf(bundle)],
      ['arch', bundle.arch],
      ['role', bundle.role],
      ['kernel', `${bundle.kernel.name} sha256:${bundle.kernel.sha256}`],
      ['initrd', bundle.initrd && `${bundle.initrd.name} sha256:${bundle.initrd.sha256}`],
      ['kernel arguments', bundle.kernelArgs.join(' ')],
      ['source', bundle.source],
    ],
  };
}

/** The name a file is served under: what loaders and boot texts can carry. */
function servedName(file: string): string {
  return basename(file)
    .replace(/[^A-Za-z0-9._+-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(-100);
}

async function upload(
  api: Api,
  file: string,
  name: string,
): Promise<{ readonly name: string; readonly sha256: string }> {
  const path = `/artefacts?${new URLSearchParams({ name }).toString()}`;
  const { sha256 } = await api.upload(path, file, artefactShape);
  return { name, sha256 };
}

interface Imported {
  readonly name: string;
  readonly version: string;
  readonly kernel: { readonly sha256: string };
  readonly initrd: { readonly sha256: string } | undefined;
  readonly loaders: readonly { readonly sha256: string }[];
  readonly kernelArgs: readonly string[];
}

/** The bundle of that name and version, if what was uploaded is just what it holds: importing twice is no fault. */
async function sameBundle(api: Api, wanted: Imported): Promise<BundleAnswer | undefined> {
  const { bundles } = await api.call({ method: 'GET', path: '/bundles' }, z.object({ bundles: z.array(bundleShape) }));
  const markOf = (bundle: Imported | BundleAnswer): string =>
    JSON.stringify([
      refOf(bundle),
      [bundle.kernel, bundle.initrd, ...bundle.loaders].map((each) => each?.sha256),
      bundle.kernelArgs,
    ]);
  return bundles.find((bundle) => markOf(bundle) === markOf(wanted));
}

/** Uploads the files of a bundle, then makes the bundle of them. */
async function importBundle(context: CommandContext, command: Command, files: BundleFiles): Promise<void> {
  const api = context.api(command);
  const { kernelFile, initrdFile, loaders, name, version, arch, role, kernelArgs, source } = files;
  context.say(`uploading ${basename(kernelFile)}`);
  const kernel = await upload(api, kernelFile, servedName(kernelFile));
  if (initrdFile !== undefined) context.say(`uploading ${basename(initrdFile)}`);
  const initrd = initrdFile === undefined ? {} : { initrd: await upload(api, initrdFile, servedName(initrdFile)) };
  const stored = [];
  for (const loader of loaders) stored.push(await upload(api, loader.file, loader.name));
  const body = { name, version, arch, role, kernel, ...initrd, kernelArgs, loaders: stored, source };
  const same = await sameBundle(api, { ...body, initrd: initrd.initrd });
  const made = same ?? (await api.call({ method: 'POST', path: '/bundles', body }, bundleShape));
  context.say(same ? `${refOf(same)} is here already, octet for octet` : `imported ${refOf(made)}`);
  writeSheet(context.deps.terminal, context.format(command), sheetOf(made));
}

interface ImportOptions {
  readonly folder?: string;
  readonly debian?: PackagedArch;
  readonly name?: string;
  readonly bundleVersion?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly arch?: string;
  readonly arg?: readonly string[];
}

const usage = (words: string): CliFailure => new CliFailure(EXIT.usage, words);

async function filesOf(context: CommandContext, options: ImportOptions): Promise<BundleFiles> {
  const { folder, debian, arch } = options;
  if (debian !== undefined) {
    if (folder !== undefined) throw usage('give --folder or --debian, not both');
    const files = await context.deps.work.bundleFromDebian(debian, context.say);
    return { ...files, kernelArgs: options.arg ?? files.kernelArgs };
  }
  if (folder === undefined) throw usage('nothing to import; give --folder DIR --arch ARCH, or --debian ARCH');
  if (arch === undefined) throw usage(`for which architecture? add --arch ${ARCHES.join('|')}`);
  const name =
    options.name ??
    basename(resolve(folder))
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, '-');
  const { bundleVersion: version, kernel, initrd, arg: args } = options;
  return context.deps.work.bundleFromFolder({ folder, name, arch, version, kernel, initrd, args });
}

function addImport(bundle: Command, context: CommandContext): void {
  bundle
    .command('import')
    .description("stores kernel and initrd as one bundle, from a folder or from Debian's packages")
    .option('--folder <dir>', 'where the files are')
    .option('--kernel <file>', 'in that folder; looked for when left out')
    .option('--initrd <file>', 'in that folder; looked for when left out')
    .addOption(new Option('--arch <arch>', 'of the kernel').choices(ARCHES))
    .option('--name <name>', "the bundle's name; default: the folder's")
    .option('--bundle-version <version>', 'default: the beginning of the digest of the files')
    .option('--arg <word...>', 'kernel-argument words')
    .addOption(new Option('--debian <arch>', "Debian's installer for a network boot").choices(PACKAGED))
    .action(async (options: ImportOptions, command: Command) =>
      importBundle(context, command, await filesOf(context, options)),
    );
}

/** `farrier bundle …` */
export function addBundleCommands(program: Command, context: CommandContext): void {
  const bundle = program.command('bundle').description('what machines boot: kernel, initrd and arguments as one thing');
  bundle
    .command('list')
    .description('all bundles')
    .action(async (_options: unknown, command: Command) => {
      const shape = z.object({ bundles: z.array(bundleShape) });
      const { bundles } = await context.api(command).call({ method: 'GET', path: '/bundles' }, shape);
      writeList(context.deps.terminal, context.format(command), { items: bundles, columns: COLUMNS });
    });
  addImport(bundle, context);
  bundle
    .command('rm')
    .description('removes a bundle no machine uses')
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
    .addOption(new Option('--arch <arch>', 'for which machines').choices(PACKAGED).makeOptionMandatory())
    .option('--ssh', 'with dropbear, 2 MB more, so that the parameter debug.ssh has an effect')
    .action(async ({ arch, ssh = false }: { readonly arch: PackagedArch; readonly ssh?: boolean }, command: Command) =>
      importBundle(context, command, await context.deps.work.buildAgent(arch, context.say, ssh)),
    );
  agent
    .command('list')
    .description('the agents there are')
    .addArgument(new Argument('[arch]', 'only for this one').choices(PACKAGED))
    .action(async (arch: string | undefined, _options: unknown, command: Command) => {
      const shape = z.object({ bundles: z.array(bundleShape) });
      const { bundles } = await context.api(command).call({ method: 'GET', path: '/bundles' }, shape);
      const items = bundles.filter((each) => each.role === 'agent' && (arch === undefined || each.arch === arch));
      writeList(context.deps.terminal, context.format(command), { items, columns: COLUMNS });
    });
}
