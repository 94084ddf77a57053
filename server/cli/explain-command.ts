import type { Command } from 'commander';
import { z } from 'zod';
import { pathOf, type Call } from './client.ts';
import type { CommandContext } from './context.ts';
import { CliFailure, EXIT } from './failure.ts';
import { effectiveShape, originText, shownValue } from './parameter-commands.ts';
import { writeSheet, type Fact, type Sheet } from './output.ts';

const artefactShape = z.looseObject({ name: z.string(), sha256: z.string(), octets: z.number() });
const argsShape = z.looseObject({
  words: z.array(z.looseObject({ word: z.string(), origin: z.string() })),
  limits: z.array(
    z.looseObject({ layer: z.string(), octets: z.number(), octetsMax: z.number(), unit: z.string().optional() }),
  ),
});
const planShape = z.looseObject({
  do: z.string(),
  because: z.string(),
  remedy: z.string().optional(),
  bundle: z.string().optional(),
  loader: z.string().optional(),
  format: z.string().optional(),
  kernel: artefactShape.optional(),
  initrd: artefactShape.optional(),
  dtb: artefactShape.optional(),
  args: argsShape.optional(),
});
const explanationShape = z.looseObject({
  subject: z.string(),
  network: z.string(),
  board: z.looseObject({ name: z.string(), file: z.string(), shadows: z.string().optional() }).optional(),
  evidence: z.array(z.string()),
  dhcp: z.array(z.string()),
  plan: planShape,
  findings: z.array(z.looseObject({ severity: z.string(), text: z.string(), remedy: z.string() })).optional(),
  parameters: z.array(effectiveShape).optional(),
  files: z.array(
    z.looseObject({ path: z.string(), octets: z.number(), sha256: z.string(), text: z.string().optional() }),
  ),
});
type Explanation = z.infer<typeof explanationShape>;

const fileText = (file: z.infer<typeof artefactShape> | undefined): string | undefined =>
  file && `${file.name}, ${file.octets} octets, sha256:${file.sha256}`;

function planFacts({ plan }: Explanation): readonly Fact[] {
  return [
    ['plan', plan.do],
    ['because', plan.because],
    ['remedy', plan.remedy],
    ['bundle', plan.bundle],
    ['loader', plan.loader],
    ['format', plan.format],
    ['kernel', fileText(plan.kernel)],
    ['initrd', fileText(plan.initrd)],
    ['DTB', fileText(plan.dtb)],
    ...(plan.args?.words ?? []).map(({ word, origin }) => [`argument (${origin})`, word] as const),
    ...(plan.args?.limits ?? []).map(
      ({ layer, octets, octetsMax, unit = 'octets' }) =>
        ['argument limit', `${octets} of ${octetsMax} ${unit}, ${layer}`] as const,
    ),
  ];
}

function sheetOf(explanation: Explanation): Sheet {
  const { board, evidence, dhcp, files, findings = [], parameters = [] } = explanation;
  return {
    item: explanation,
    name: explanation.subject,
    facts: [
      ['subject', explanation.subject],
      ['network', explanation.network],
      ['board', board && `${board.name} (${board.file})`],
      ['shadows', board?.shadows],
      ...evidence.map((each) => ['evidence', each] as const),
      ...dhcp.map((each) => ['DHCP', each] as const),
      ...planFacts(explanation),
      ...findings.map(({ severity, text, remedy }) => [`argument ${severity}`, `${text}; ${remedy}`] as const),
      ...parameters
        .filter(({ origin }) => origin !== 'default')
        .map((each) => [`parameter (${originText(each)})`, `${each.name} = ${shownValue(each.value)}`] as const),
      ...files.map((file) => ['file', `${file.path}, ${file.octets} octets, sha256:${file.sha256}`] as const),
    ],
  };
}

interface ExplainOptions {
  readonly mac?: string;
  readonly arch?: string;
  readonly texts?: boolean;
}

function callOf(ref: string | undefined, { mac, arch }: ExplainOptions): Call {
  if (ref !== undefined && mac === undefined) return { method: 'GET', path: pathOf('machines', ref, 'explain') };
  if (ref === undefined && mac !== undefined) return { method: 'GET', path: '/explain', query: { mac, arch } };
  throw new CliFailure(EXIT.usage, 'name a machine, or give --mac and --arch of a stranger');
}

/** `farrier explain …` */
export function addExplainCommand(program: Command, context: CommandContext): void {
  program
    .command('explain')
    .description('what a machine gets at its next boot, and why; nothing is switched')
    .argument('[machine]', 'its name, MAC, id or the unique beginning of its name')
    .option('--mac <mac>', 'of a machine that need not be known')
    .option(
      '--arch <number>',
      'its client architecture, DHCP option 93 (7: UEFI x86-64, 11: UEFI arm64, 22: u-boot arm64)',
    )
    .option('--texts', 'the texts of configs and scripts as well')
    .action(async (ref: string | undefined, options: ExplainOptions, command: Command) => {
      const explanation = await context.api(command).call(callOf(ref, options), explanationShape);
      const { terminal } = context.deps;
      writeSheet(terminal, context.format(command), sheetOf(explanation));
      if (options.texts !== true || context.format(command) !== 'table') return;
      for (const { path, text } of explanation.files)
        if (text !== undefined) {
          const lines = text.split('\n').map((line) => ['', line] as const);
          terminal.writeOut(`\n--- ${path}\n`);
          writeSheet(terminal, 'table', { item: text, name: path, facts: lines });
        }
    });
}
