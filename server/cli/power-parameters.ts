import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { suggest } from '../config/suggest.ts';
import type { Terminal } from './deps.ts';
import { CliFailure, EXIT } from './failure.ts';

/** What the commands read of the declaration of a plug-in: its name and the fields it wants. */
export const formShape = z.looseObject({
  name: z.string(),
  summary: z.string(),
  fields: z.record(
    z.string(),
    z.looseObject({
      kind: z.string(),
      label: z.string(),
      required: z.boolean(),
      scope: z.string(),
      help: z.string().optional(),
      unit: z.string().optional(),
      default: z.union([z.string(), z.number()]).optional(),
      choices: z.array(z.string()).optional(),
    }),
  ),
});
type FormAnswer = z.infer<typeof formShape>;

/** What the commands read of a power driver's declaration. */
export const driverShape = formShape.extend({
  abilities: z.array(z.string()),
  origin: z.string().default('shipped'),
});
export type DriverAnswer = z.infer<typeof driverShape>;

const usage = (words: string): CliFailure => new CliFailure(EXIT.usage, words);

/** The one of this name; `kind` is what they are, for the failure that tells which there are. */
export function formByName<T extends FormAnswer>(forms: readonly T[], name: string, kind: string): T {
  const found = forms.find((each) => each.name === name);
  if (found) return found;
  const names = forms.map((each) => each.name);
  const meant = suggest(name, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean "${meant}"?`;
  throw new CliFailure(EXIT.notFound, `there is no ${kind} "${name}"; ${hint}`);
}

function fieldOf(form: FormAnswer, name: string): FormAnswer['fields'][string] {
  const field = Object.hasOwn(form.fields, name) ? form.fields[name] : undefined;
  if (field) return field;
  const names = Object.keys(form.fields);
  const meant = suggest(name, names);
  const has = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  throw usage(`${form.name} has no field "${name}"; ${meant === undefined ? has : `did you mean "${meant}"?`}`);
}

function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw usage(`"${text}" is not a setting; write it like host=10.0.0.7`);
}

/** `host=10.0.0.7 port=623` by the declaration of its fields. Secrets are refused here: others could read them. */
export function parametersOf(form: FormAnswer, words: readonly string[]): Record<string, string | number> {
  const settings = words.map(pairOf).map(([name, value]) => [name, parameterOf(form, name, value)] as const);
  return Object.fromEntries(settings);
}

function parameterOf(form: FormAnswer, name: string, value: string): string | number {
  const { kind } = fieldOf(form, name);
  if (kind === 'secret')
    throw usage(
      `"${name}" is a secret and would show in the list of processes; leave it out to be asked, ` +
        `or use --secret-file ${name}=PATH`,
    );
  if (kind !== 'integer' && kind !== 'port') return value;
  if (!/^-?\d{1,15}$/.test(value)) throw usage(`"${name}" must be a whole number`);
  return Number(value);
}

async function secretFrom(terminal: Terminal, path: string): Promise<string> {
  if (path === '-') return (await terminal.readStdin()).replace(/\r?\n$/, '');
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new CliFailure(EXIT.failed, `the secret file ${path} cannot be read (${code})`, { cause: error });
  }
}

/** Where a secret that no file was named for may come from. */
export interface SecretSource {
  readonly terminal: Terminal;
  readonly secretFiles: readonly string[];
  /** Fields whose secret the daemon has already; an empty answer keeps it. */
  readonly alreadySet: readonly string[];
}

/** The secrets among the fields: from files or standard input, else asked for on the terminal. */
export async function secretsOf(form: FormAnswer, source: SecretSource): Promise<Record<string, string>> {
  const { terminal, secretFiles, alreadySet } = source;
  const secrets = new Map<string, string>();
  for (const [name, path] of secretFiles.map(pairOf)) {
    if (fieldOf(form, name).kind !== 'secret') throw usage(`"${name}" is no secret; write ${name}=VALUE`);
    secrets.set(name, await secretFrom(terminal, path));
  }
  for (const [name, field] of Object.entries(form.fields)) {
    if (field.kind !== 'secret' || secrets.has(name)) continue;
    const kept = alreadySet.includes(name);
    if (terminal.canAsk) {
      const hint = kept ? ' (empty: stays)' : field.required ? '' : ' (empty: none)';
      const answer = await terminal.askSecret(`${field.label}${hint}: `);
      if (answer !== '') secrets.set(name, answer);
    }
    if (field.required && !kept && !secrets.has(name))
      throw usage(`the secret "${name}" is missing; use --secret-file ${name}=PATH, or - for standard input`);
  }
  return Object.fromEntries(secrets);
}
