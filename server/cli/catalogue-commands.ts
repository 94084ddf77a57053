import type { Command } from 'commander';
import { z } from 'zod';
import { addBoardDtbCommands, addBoardNew } from './board-dtb-commands.ts';
import { pathOf } from './client.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import { timeText, writeList, writeSheet, type Column, type Fact } from './output.ts';

const boardShape = z.looseObject({
  name: z.string(),
  title: z.string(),
  arch: z.string(),
  proof: z.string(),
  extends: z.string().optional(),
  compatible: z.array(z.string()).default([]),
  loaders: z.array(z.looseObject({ loader: z.string(), formats: z.array(z.string()) })).default([]),
  dtb: z
    .looseObject({ name: z.string(), sha256: z.string(), source: z.string(), version: z.number().optional() })
    .optional(),
  dtbMissing: z.string().optional(),
  console: z.looseObject({ device: z.string(), baud: z.number().optional() }).optional(),
  kernelArgs: z.array(z.string()).default([]),
  kernelFormat: z.string().optional(),
  sources: z.array(z.string()).default([]),
  file: z.string().optional(),
  shadows: z.string().optional(),
});
type BoardAnswer = z.infer<typeof boardShape>;

const loadersText = (board: BoardAnswer): string =>
  board.loaders.map((each) => `${each.loader} (${each.formats.join(', ')})`).join('; ');

function dtbText({ dtb, dtbMissing }: BoardAnswer): string | undefined {
  if (dtbMissing !== undefined) return 'missing';
  return dtb && `${dtb.name}${dtb.version === undefined || dtb.version === 0 ? '' : ` (version ${dtb.version})`}`;
}

const BOARD_COLUMNS: readonly Column<BoardAnswer>[] = [
  { title: 'NAME', value: (board) => board.name },
  { title: 'ARCH', value: (board) => board.arch },
  { title: 'PROOF', value: (board) => board.proof },
  { title: 'LOADERS', value: (board) => board.loaders.map((each) => each.loader).join(', ') },
  { title: 'DTB', value: (board) => dtbText(board) },
  { title: 'TITLE', value: (board) => board.title },
  { title: 'SITE', value: (board) => (board.shadows === undefined ? undefined : 'shadows the shipped one') },
];

function boardFacts(board: BoardAnswer): readonly Fact[] {
  const { dtb, console: line } = board;
  return [
    ['name', board.name],
    ['title', board.title],
    ['arch', board.arch],
    ['proof', board.proof],
    ['extends', board.extends],
    ['compatible', board.compatible.join(', ')],
    ['loaders', loadersText(board)],
    ['kernel format', board.kernelFormat],
    ['DTB', dtb && `${dtb.name} sha256:${dtb.sha256} (${dtb.source})`],
    ['DTB missing', board.dtbMissing],
    ['console', line && [line.device, line.baud].filter((part) => part !== undefined).join(' ')],
    ['kernel arguments', board.kernelArgs.join(' ')],
    ['file', board.file],
    ['shadows', board.shadows],
    ...board.sources.map((source) => ['source', source] as const),
  ];
}

const findingShape = z.object({
  file: z.string(),
  line: z.number().optional(),
  severity: z.enum(['error', 'warning']),
  words: z.string(),
  remedy: z.string(),
});
type Finding = z.infer<typeof findingShape>;
const FINDING_COLUMNS: readonly Column<Finding>[] = [
  { title: 'FILE', value: (finding) => finding.file },
  { title: 'LINE', value: (finding) => finding.line },
  { title: 'SEVERITY', value: (finding) => finding.severity },
  { title: 'WHAT', value: (finding) => finding.words },
  { title: 'REMEDY', value: (finding) => finding.remedy },
];

/** `farrier board …` */
export function addBoardCommands(program: Command, context: CommandContext): void {
  const { terminal } = context.deps;
  const board = program.command('board').description('kinds of machines');
  board
    .command('list')
    .description('all boards')
    .action(async (_options: unknown, command: Command) => {
      const shape = z.object({ boards: z.array(boardShape) });
      const { boards } = await context.api(command).call({ method: 'GET', path: '/boards' }, shape);
      writeList(terminal, context.format(command), { items: boards, columns: BOARD_COLUMNS });
    });
  board
    .command('show')
    .description('one board, and where its facts come from')
    .argument('<board>')
    .action(async (name: string, _options: unknown, command: Command) => {
      const found = await context.api(command).call({ method: 'GET', path: pathOf('boards', name) }, boardShape);
      writeSheet(terminal, context.format(command), { item: found, name: found.name, facts: boardFacts(found) });
    });
  board
    .command('lint')
    .description('what is wrong or doubtful in the board files; exit 1 when something is wrong')
    .action(async (_options: unknown, command: Command) => {
      const shape = z.object({ findings: z.array(findingShape) });
      const { findings } = await context.api(command).call({ method: 'GET', path: '/lint/boards' }, shape);
      writeList(terminal, context.format(command), { items: findings, columns: FINDING_COLUMNS });
      const errors = findings.filter((finding) => finding.severity === 'error').length;
      if (errors > 0) throw new CliFailure(EXIT.failed, `${errors} to mend`);
      context.say(findings.length > 0 ? `no errors; ${findings.length} to look at` : 'all boards are sound');
    });
  addBoardNew(board, context);
  addBoardDtbCommands(board, context);
}

const leaseShape = z.looseObject({
  network: z.string(),
  address: z.string(),
  mac: z.string(),
  state: z.string(),
  expiresMs: z.number(),
  hostname: z.string().optional(),
});
const LEASE_COLUMNS: readonly Column<z.infer<typeof leaseShape>>[] = [
  { title: 'ADDRESS', value: (lease) => lease.address },
  { title: 'MAC', value: (lease) => lease.mac },
  { title: 'STATE', value: (lease) => lease.state },
  { title: 'NETWORK', value: (lease) => lease.network },
  { title: 'EXPIRES', value: (lease) => timeText(lease.expiresMs) },
  { title: 'HOSTNAME', value: (lease) => lease.hostname },
];

/** `farrier leases` */
export function addLeaseCommand(program: Command, context: CommandContext): void {
  program
    .command('leases')
    .description('addresses and who has them')
    .option('--network <name>', 'only this network')
    .action(async ({ network }: { readonly network?: string }, command: Command) => {
      const shape = z.object({ leases: z.array(leaseShape) });
      const { leases } = await context.api(command).call({ method: 'GET', path: '/leases' }, shape);
      const items = leases.filter((lease) => network === undefined || lease.network === network);
      writeList(context.deps.terminal, context.format(command), { items, columns: LEASE_COLUMNS });
    });
}
