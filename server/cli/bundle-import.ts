import { basename, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { ARCHES } from '../core/arch.ts';
import { servedName, uploadArtefact as upload } from './artefact-upload.ts';
import { bundleShape, refOf, sheetOf, type BundleAnswer } from './bundle-view.ts';
import type { Api } from './client.ts';
import type { CommandContext } from './context.ts';
import { PACKAGED_ARCHES, type BundleFiles, type PackagedArch } from './deps.ts';
import { CliFailure, EXIT } from './failure.ts';
import { writeSheet } from './output.ts';

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

/** What an importer asks of a bundle. */
interface Wishes {
  readonly needs?: readonly string[] | undefined;
  readonly callsHome?: true | undefined;
}

/** Uploads the files of a bundle, then makes the bundle of them. */
export async function importBundle(
  context: CommandContext,
  command: Command,
  files: BundleFiles,
  wishes: Wishes = {},
): Promise<void> {
  const api = context.api(command);
  const { kernelFile, initrdFile, loaders, name, version, arch, role, kernelArgs, config, modules, source } = files;
  context.say(`uploading ${basename(kernelFile)}`);
  const kernel = await upload(api, kernelFile, servedName(kernelFile));
  if (initrdFile !== undefined) context.say(`uploading ${basename(initrdFile)}`);
  const initrd = initrdFile === undefined ? {} : { initrd: await upload(api, initrdFile, servedName(initrdFile)) };
  const stored = [];
  for (const loader of loaders) stored.push(await upload(api, loader.file, loader.name));
  const body = {
    name,
    version,
    arch,
    role,
    kernel,
    ...initrd,
    kernelArgs,
    loaders: stored,
    config,
    modules,
    source,
    ...wishes,
  };
  const same = await sameBundle(api, { ...body, initrd: initrd.initrd });
  const made = same ?? (await api.call({ method: 'POST', path: '/bundles', body }, bundleShape));
  context.say(same ? `${refOf(same)} is here already, octet for octet` : `imported ${refOf(made)}`);
  writeSheet(context.deps.terminal, context.format(command), sheetOf(made));
}

interface ImportOptions {
  readonly folder?: string;
  readonly debian?: PackagedArch;
  readonly deb?: readonly string[];
  readonly netboot?: string;
  readonly url?: string;
  readonly sha256?: string;
  readonly name?: string;
  readonly bundleVersion?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly arch?: string;
  readonly arg?: readonly string[];
  readonly need?: readonly string[];
  readonly callsHome?: true;
}

const usage = (words: string): CliFailure => new CliFailure(EXIT.usage, words);
const SOURCES = '--deb FILE…, --netboot FILE, --url URL, --folder DIR or --debian ARCH';

async function filesOf(context: CommandContext, options: ImportOptions): Promise<BundleFiles> {
  const { folder, debian, arch } = options;
  if (debian !== undefined) {
    const files = await context.deps.work.bundleFromDebian(debian, context.say);
    return { ...files, kernelArgs: options.arg ?? files.kernelArgs };
  }
  if (folder === undefined) throw usage(`nothing to import; give ${SOURCES}`);
  if (arch === undefined) throw usage(`for which architecture? add --arch ${ARCHES.join('|')}`);
  const name =
    options.name ??
    basename(resolve(folder))
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, '-');
  const { bundleVersion: version, kernel, initrd, arg: args } = options;
  return context.deps.work.bundleFromFolder({ folder, name, arch, version, kernel, initrd, args });
}

/** Packages go to the daemon as they are, and it looks into them. */
async function importPackages(context: CommandContext, command: Command, options: ImportOptions): Promise<void> {
  const { name, bundleVersion: version, arch, deb, netboot, url, sha256, initrd, arg: kernelArgs } = options;
  if (name === undefined) throw usage('what shall it be called? farrier bundle import NAME …');
  if (url !== undefined && sha256 === undefined)
    throw usage('what is fetched must be known beforehand; add --sha256 HEX, from a source you trust');
  const api = context.api(command);
  const packages = [];
  for (const file of [...(deb ?? []), ...(netboot === undefined ? [] : [netboot])]) {
    context.say(`uploading ${basename(file)}`);
    packages.push(await upload(api, file, servedName(file)));
  }
  const extra = initrd === undefined ? undefined : await upload(api, initrd, servedName(initrd));
  const from = url === undefined ? { packages } : { url, sha256 };
  const { need: needs, callsHome } = options;
  const body = { name, version, arch, from, initrd: extra, kernelArgs, needs, callsHome };
  context.say(url === undefined ? 'looking into it' : `the daemon fetches ${url}`);
  const made = await api.call({ method: 'POST', path: '/bundle-imports', body }, bundleShape);
  context.say(`imported ${refOf(made)}`);
  writeSheet(context.deps.terminal, context.format(command), sheetOf(made));
}

async function importAny(context: CommandContext, command: Command, options: ImportOptions): Promise<void> {
  const { folder, debian, deb, netboot, url, need: needs, callsHome } = options;
  const given = [folder, debian, deb, netboot, url].filter((each) => each !== undefined);
  if (given.length > 1) throw usage(`give only one of ${SOURCES}`);
  if (deb ?? netboot ?? url) return importPackages(context, command, options);
  return importBundle(context, command, await filesOf(context, options), { needs, callsHome });
}

/** `farrier bundle import …` */
export function addBundleImport(bundle: Command, context: CommandContext): void {
  bundle
    .command('import')
    .description('makes a bundle: from kernel packages, a netboot archive, a URL, a folder, or the packages of Debian')
    .argument('[name]', "the bundle's name; default for folders: the folder's")
    .option('--deb <file...>', 'Debian or Ubuntu kernel packages (the kernel, and the modules where they are apart)')
    .option('--netboot <file>', "Debian's netboot archive, as .tar.gz or as package")
    .option('--url <url>', 'a package or netboot archive, fetched by the daemon')
    .option('--sha256 <hex>', 'what the file at the URL must have')
    .option('--folder <dir>', 'where kernel and initrd are, with config-… and lib/modules beside them if you have them')
    .option('--kernel <file>', 'in that folder; looked for when left out')
    .option('--initrd <file>', 'in that folder, looked for when left out; for packages a file of yours')
    .addOption(new Option('--arch <arch>', 'of the kernel').choices(ARCHES))
    .option('--name <name>', "the bundle's name, as the argument")
    .option('--bundle-version <version>', "default: the package's, for folders the beginning of the digest")
    .option('--arg <word...>', 'kernel-argument words')
    .option('--need <what...>', 'refuse it without: nbd, bin:kexec, initrd:virtio_net, module:nbd, config:NFS_ROOT')
    .option('--calls-home', 'its system makes a first call when it is up, so it can be tried')
    .addOption(new Option('--debian <arch>', "Debian's installer for a network boot").choices(PACKAGED_ARCHES))
    .action(async (name: string | undefined, options: ImportOptions, command: Command) =>
      importAny(context, command, { ...options, ...(name === undefined ? {} : { name }) }),
    );
}
