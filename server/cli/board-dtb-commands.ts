import { basename } from 'node:path';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { pathOf, type Api } from './client.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import { timeText, writeList, writeSheet, type Column, type Sheet } from './output.ts';

const versionShape = z.looseObject({
  board: z.string(),
  version: z.number(),
  sha256: z.string(),
  octets: z.number(),
  file: z.string(),
  model: z.string().optional(),
  compatible: z.array(z.string()),
  source: z.string(),
  licence: z.string(),
  atMs: z.number(),
  by: z.string(),
});
type Version = z.infer<typeof versionShape>;
const historyShape = z.looseObject({ current: z.number(), versions: z.array(versionShape) });
const changeShape = z.looseObject({ version: versionShape.optional(), changed: z.boolean() });
const boardShape = z.looseObject({
  name: z.string(),
  dtbWish: z.looseObject({ file: z.string(), debian: z.looseObject({ path: z.string() }).optional() }).optional(),
});

type Shown = Version & { readonly served: string };

const COLUMNS: readonly Column<Shown>[] = [
  { title: 'VERSION', value: (each) => each.version },
  { title: 'SERVED', value: (each) => each.served },
  { title: 'MODEL', value: (each) => each.model ?? each.file },
  { title: 'OCTETS', value: (each) => each.octets },
  { title: 'SHA256', value: (each) => each.sha256.slice(0, 16) },
  { title: 'IMPORTED', value: (each) => timeText(each.atMs) },
  { title: 'BY', value: (each) => each.by },
  { title: 'LICENCE', value: (each) => each.licence },
  { title: 'SOURCE', value: (each) => each.source },
];

function sheetOf(item: Shown): Sheet {
  return {
    item,
    name: `${item.board} ${item.version}`,
    facts: [
      ['board', item.board],
      ['version', item.version],
      ['served', item.served],
      ['model', item.model],
      ['compatible', item.compatible.join(', ')],
      ['file', item.file],
      ['octets', item.octets],
      ['sha256', item.sha256],
      ['source', item.source],
      ['licence', item.licence],
      ['imported', timeText(item.atMs)],
      ['by', item.by],
    ],
  };
}

async function historyOf(api: Api, board: string): Promise<readonly Shown[]> {
  const path = `${pathOf('boards', board)}/dtbs`;
  const { current, versions } = await api.call({ method: 'GET', path }, historyShape);
  return versions.map((each) => ({ ...each, served: each.version === current ? 'yes' : '' }));
}

interface ImportOptions {
  readonly fromDeb?: string;
  readonly fromFolder?: string;
  readonly url?: string;
  readonly sha256?: string;
  readonly file?: string;
  readonly source?: string;
  readonly licence?: string;
}

function whole(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new CliFailure(EXIT.usage, `"${text}" is not a version; write its number`);
}

/** `farrier board dtb …` */
export function addBoardDtbCommands(board: Command, context: CommandContext): void {
  const dtb = board.command('dtb').description('device trees of boards: import, history, rollback');
  addImport(dtb, context);
  addReading(dtb, context);
  dtb
    .command('rollback')
    .description('serve an earlier version again; 0 is the file beside board.yaml')
    .argument('<board>')
    .option('--to <version>', 'the one before the current unless named', whole)
    .action(async (name: string, { to }: { readonly to?: number }, command: Command) => {
      const path = `${pathOf('boards', name)}/dtbs/rollback`;
      const body = to === undefined ? {} : { to };
      const { version, changed } = await context.api(command).call({ method: 'POST', path, body }, changeShape);
      const what = version ? `version ${version.version}` : 'what its folder or its firmware has';
      context.say(`board ${name} ${changed ? 'is served' : 'was served already'} ${what}`);
      const sheet = version
        ? sheetOf({ ...version, served: 'yes' })
        : { item: { board: name, version: 0, served: 'yes' }, name: `${name} 0`, facts: [] };
      writeSheet(context.deps.terminal, context.format(command), sheet);
    });
}

function addImport(dtb: Command, context: CommandContext): void {
  dtb
    .command('import')
    .description('import a device tree for a board; it is served from then on')
    .argument('<board>')
    .addOption(new Option('--from-deb <file>', 'a Debian kernel package; the tree is found in it by its name'))
    .addOption(new Option('--from-folder <folder>', 'a folder of trees, searched by name'))
    .addOption(new Option('--url <url>', 'the daemon fetches it; needs --sha256'))
    .addOption(new Option('--sha256 <digest>', 'what the file at --url must have'))
    .addOption(new Option('--file <file>', 'the tree itself'))
    .option('--source <words>', 'where it comes from, when the board does not say')
    .option('--licence <words>', 'under which licence it may be passed on, when the board does not say')
    .action(async (name: string, options: ImportOptions, command: Command) => {
      const api = context.api(command);
      const { version, changed } = await importOne(context, api, name, options);
      if (!version) throw new CliFailure(EXIT.failed, 'the daemon imported nothing');
      context.say(
        changed
          ? `board ${name} is served version ${version.version}: ${version.model ?? version.file}`
          : `version ${version.version} is the same and is served already`,
      );
      writeSheet(context.deps.terminal, context.format(command), sheetOf({ ...version, served: 'yes' }));
    });
}

async function importOne(
  { deps }: CommandContext,
  api: Api,
  name: string,
  { fromDeb, fromFolder, url, sha256, file, source, licence }: ImportOptions,
): Promise<z.infer<typeof changeShape>> {
  if ([fromDeb, fromFolder, url, file].filter((each) => each !== undefined).length !== 1)
    throw new CliFailure(EXIT.usage, 'name one of --from-deb, --from-folder, --url and --file');
  const path = `${pathOf('boards', name)}/dtbs`;
  if (url !== undefined) {
    if (sha256 === undefined)
      throw new CliFailure(EXIT.usage, '--url needs --sha256: what comes must be what you mean');
    const body = { url, sha256, source, licence };
    return api.call({ method: 'POST', path: `${path}/fetch`, body }, changeShape);
  }
  const send = (from: string, words: { readonly source: string; readonly licence: string | undefined }) =>
    api.upload(`${path}${queryOf({ file: basename(from), ...words })}`, from, changeShape);
  if (file !== undefined) return send(file, { source: source ?? `file ${basename(file)}`, licence });
  const wanted = wantedOf(await api.call({ method: 'GET', path: pathOf('boards', name) }, boardShape));
  if (fromFolder !== undefined) {
    const found = await deps.work.dtbInFolder(fromFolder, wanted);
    return send(found, { source: source ?? `file ${found}`, licence });
  }
  const found = await deps.work.dtbFromDeb(fromDeb ?? '', wanted);
  return send(found.file, { source: source ?? found.source, licence });
}

function wantedOf(board: z.infer<typeof boardShape>): { readonly path: string } {
  const path = board.dtbWish?.debian?.path ?? board.dtbWish?.file;
  if (path !== undefined) return { path };
  throw new CliFailure(EXIT.usage, `board ${board.name} names no device tree to look for; give the file with --file`);
}

function queryOf(words: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(words).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return `?${new URLSearchParams(Object.fromEntries(given)).toString()}`;
}

function addReading(dtb: Command, context: CommandContext): void {
  const { terminal } = context.deps;
  dtb
    .command('list')
    .description('what was imported for a board, and which of it is served')
    .argument('<board>')
    .action(async (name: string, _options: unknown, command: Command) => {
      const items = await historyOf(context.api(command), name);
      writeList(terminal, context.format(command), { items, columns: COLUMNS });
    });
  dtb
    .command('show')
    .description('one imported tree: what it says of itself, and where it comes from')
    .argument('<board>')
    .option('--of <version>', 'the served one unless named', whole)
    .action(async (name: string, { of }: { readonly of?: number }, command: Command) => {
      const versions = await historyOf(context.api(command), name);
      const found = versions.find((each) => (of === undefined ? each.served !== '' : each.version === of));
      if (!found)
        throw new CliFailure(
          EXIT.notFound,
          `board ${name} has no such version; farrier board dtb list ${name} shows them`,
        );
      writeSheet(terminal, context.format(command), sheetOf(found));
    });
}

/** `farrier board new` */
export function addBoardNew(board: Command, context: CommandContext): void {
  const shape = z.looseObject({ name: z.string(), file: z.string(), text: z.string() });
  board
    .command('new')
    .description("begin a board in the site's folder from a machine that has tried to boot")
    .argument('<name>')
    .requiredOption('--from <machine>', 'the machine')
    .action(async (name: string, { from }: { readonly from: string }, command: Command) => {
      const body = { name, machine: from };
      const made = await context.api(command).call({ method: 'POST', path: '/boards', body }, shape);
      const facts = [
        ['name', made.name],
        ['file', made.file],
      ] as const;
      writeSheet(context.deps.terminal, context.format(command), { item: made, name: made.name, facts });
      context.say('look through the list at its end, then: farrier board lint');
    });
}
