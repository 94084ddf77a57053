import { isWellSpoken, octetsOf, type KernelArg } from './kernel-args.ts';
import { err, ok, type Result } from './result.ts';

/** What a parameter's value is. `words` is a list of texts. */
export const PARAMETER_TYPES = ['flag', 'text', 'number', 'choice', 'words'] as const;
export type ParameterType = (typeof PARAMETER_TYPES)[number];
export type ParameterValue = string | number | boolean | readonly string[];

/** Where a value may be set, from far to near: the nearest one counts. `once` is one machine's next boot. */
export const PARAMETER_SCOPES = ['site', 'network', 'board', 'machine', 'once'] as const;
export type ParameterScope = (typeof PARAMETER_SCOPES)[number];

/**
 * How a parameter reaches the boot. Every one is told to the booted system that asks (`/agent/v1/parameters`);
 * beyond that: `kernel` as kernel-argument words of every boot, `agent` as words of the agent's boots only, `plan` by
 * what is booted at all, `metadata` in no other way.
 */
export const PARAMETER_REACHES = ['kernel', 'agent', 'plan', 'metadata'] as const;
export type ParameterReach = (typeof PARAMETER_REACHES)[number];

/** The kernel-argument name a value stands under, in the agent's boots and in those of bundles. */
export interface ParameterWord {
  readonly agent: string | undefined;
  readonly bundle: string | undefined;
}

/** What is known of a parameter before anybody sets it. */
export interface ParameterDeclaration {
  /** Lower case, dots between its parts: `debug.verbose`. */
  readonly name: string;
  readonly type: ParameterType;
  /** One sentence for people. */
  readonly meaning: string;
  readonly unit: string | undefined;
  /** Of a `choice`; of `words` where only these may stand in the list. */
  readonly choices: readonly string[];
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** What counts when nobody set it; nothing is put on the line for it. */
  readonly default: ParameterValue | undefined;
  readonly reach: ParameterReach;
  readonly word: ParameterWord;
  /** Shipped with Farrier, or declared by an operator. */
  readonly by: 'farrier' | 'site';
}

/** Where a value is set: the subject is a network's or board's name, a machine's id, empty for the site. */
export interface ParameterPlace {
  readonly scope: ParameterScope;
  readonly subject: string;
}

/** A value somebody set. */
export interface SetParameter extends ParameterPlace {
  /** Names this setting, not its place: set again it is another one. */
  readonly id: number;
  readonly name: string;
  readonly value: ParameterValue;
  readonly setMs: number;
  readonly by: string;
  /** Epoch ms after which a one-shot value counts no more; nothing for lasting ones. */
  readonly expiresMs: number | undefined;
  /** The boot that a one-shot value went to; nothing while it waits. */
  readonly boot: string | undefined;
}

/** A value before the store has numbered it. */
export type NewSetParameter = Omit<SetParameter, 'id' | 'boot'>;

/** Where an effective value comes from. */
export type ParameterOrigin = 'default' | ParameterScope;

/** What counts for one machine, and what it counts in place of. */
export interface EffectiveParameter {
  readonly declaration: ParameterDeclaration;
  readonly value: ParameterValue;
  readonly origin: ParameterOrigin;
  /** Whose value it is: a network's or board's name; empty for the default, the site and the machine itself. */
  readonly subject: string;
  /** The setting it comes from; nothing for a default. */
  readonly setting: SetParameter | undefined;
  /** Values of farther places that do not count, nearest first. */
  readonly overrides: readonly SetParameter[];
}

const NAME_OCTETS_MAX = 64;
const VALUE_OCTETS_MAX = 8192;
const LIST_MAX = 64;

/** Reads a parameter's name: lower-case letters, digits and dashes, dots between parts. */
export function parseParameterName(text: string): Result<string> {
  if (text.length <= NAME_OCTETS_MAX && /^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/.test(text)) return ok(text);
  return err(
    `"${text.slice(0, 80)}" cannot be a parameter's name; write lower-case letters and digits with dots or dashes between them, at most ${NAME_OCTETS_MAX}`,
  );
}

/** The name under which a shell finds a parameter: `FARRIER_DEBUG_NO_TIME`. */
export function shellName(name: string): string {
  return `FARRIER_${name.toUpperCase().replace(/[.-]/g, '_')}`;
}

/** A value as one text: flags as `true` and `false`, lists with a newline between their entries. */
export function valueText(value: ParameterValue): string {
  return typeof value === 'object' ? value.join('\n') : String(value);
}

/** Whether two values are the same. */
export function sameValue(a: ParameterValue, b: ParameterValue): boolean {
  return typeof a === typeof b && valueText(a) === valueText(b);
}

/**
 * Reads a value as its declaration wants it. Texts are read for every type, since forms and command lines have nothing
 * else. Errors name the parameter and what it takes.
 */
export function parseParameterValue(
  declaration: ParameterDeclaration,
  given: string | number | boolean | readonly string[],
): Result<ParameterValue> {
  const value = readValue(declaration, given);
  if (!value.ok) return err(`${declaration.name}: ${value.error}`);
  const fault = faultOfText(declaration, value.value);
  return fault === undefined ? value : err(`${declaration.name}: ${fault}`);
}

function readValue(
  declaration: ParameterDeclaration,
  given: string | number | boolean | readonly string[],
): Result<ParameterValue> {
  const text = typeof given === 'object' ? given.join('\n') : String(given);
  switch (declaration.type) {
    case 'flag':
      return readFlag(text);
    case 'number':
      return readNumber(declaration, text);
    case 'choice':
      if (declaration.choices.includes(text)) return ok(text);
      return err(`"${text.slice(0, 80)}" is none of ${declaration.choices.join(', ')}`);
    case 'text':
      return text === '' ? err('an empty text says nothing; unset it instead') : ok(text);
    case 'words':
      return readList(declaration, typeof given === 'object' ? given : text.split('\n'));
  }
}

function readFlag(text: string): Result<ParameterValue> {
  if (/^(true|on|yes|1)$/i.test(text)) return ok(true);
  if (/^(false|off|no|0)$/i.test(text)) return ok(false);
  return err(`"${text.slice(0, 80)}" is neither true nor false`);
}

function readNumber({ min, max, unit }: ParameterDeclaration, text: string): Result<ParameterValue> {
  const number = Number(text);
  const within =
    /^-?\d{1,15}$/.test(text) &&
    number >= (min ?? -Number.MAX_SAFE_INTEGER) &&
    number <= (max ?? Number.MAX_SAFE_INTEGER);
  if (within) return ok(number);
  const range = min === undefined && max === undefined ? '' : ` from ${min ?? 'any'} to ${max ?? 'any'}`;
  return err(`"${text.slice(0, 80)}" is no whole number${unit === undefined ? '' : ` of ${unit}`}${range}`);
}

function readList({ choices }: ParameterDeclaration, given: readonly string[]): Result<ParameterValue> {
  const list = given.map((each) => each.trim()).filter((each) => each !== '');
  if (list.length === 0) return err('an empty list says nothing; unset it instead');
  if (list.length > LIST_MAX) return err(`a list holds at most ${LIST_MAX} entries`);
  const odd = choices.length === 0 ? undefined : list.find((each) => !choices.includes(each));
  return odd === undefined ? ok(list) : err(`"${odd.slice(0, 80)}" is none of ${choices.join(', ')}`);
}

/** Why a value cannot be carried; nothing when it can. What stands on a line knows one quote and no escape. */
function faultOfText({ reach }: ParameterDeclaration, value: ParameterValue): string | undefined {
  if (octetsOf(valueText(value)) > VALUE_OCTETS_MAX) return `a value has at most ${VALUE_OCTETS_MAX} octets`;
  const texts = typeof value === 'object' ? value : typeof value === 'string' ? [value] : [];
  for (const text of texts) {
    if (!isWellSpoken(reach === 'metadata' ? text.replaceAll('\n', ' ') : text))
      return 'it holds a control character, or one that is no plain text';
    if (reach !== 'metadata' && text.includes('"'))
      return 'it holds a double quote, and kernel arguments know no way to write one inside a value';
  }
  return undefined;
}

/** What counts for one machine, by name: the nearest place's value, else the default. Settings of elsewhere must not be given. */
export function effectiveParameters(
  declarations: readonly ParameterDeclaration[],
  settings: readonly SetParameter[],
): readonly EffectiveParameter[] {
  const nearness = (setting: SetParameter): number => PARAMETER_SCOPES.indexOf(setting.scope);
  return declarations.flatMap((declaration): readonly EffectiveParameter[] => {
    const [nearest, ...overrides] = settings
      .filter((setting) => setting.name === declaration.name)
      .sort((a, b) => nearness(b) - nearness(a));
    const value = nearest?.value ?? declaration.default;
    if (value === undefined) return [];
    const origin = nearest?.scope ?? 'default';
    const subject = origin === 'network' || origin === 'board' ? (nearest?.subject ?? '') : '';
    return [{ declaration, value, origin, subject, setting: nearest, overrides }];
  });
}

/** The values somebody set, as words of the kernel arguments of one kind of boot, each with its origin. */
export function parameterWords(
  parameters: readonly EffectiveParameter[],
  boot: keyof ParameterWord,
): readonly KernelArg[] {
  return parameters.flatMap(({ declaration, value, origin }) => {
    const name = declaration.word[boot];
    if (origin === 'default' || name === undefined) return [];
    return wordsOf(name, value).map((word) => ({ word, origin, parameter: declaration.name }));
  });
}

function wordsOf(name: string, value: ParameterValue): readonly string[] {
  // The word of a flag is whole, and may be several; the flag only says whether it stands there.
  if (typeof value === 'boolean') return value ? name.split(' ') : [];
  if (typeof value === 'object') return value.map((each) => wordOf(name, each));
  return [wordOf(name, String(value))];
}

/** A name and a value as one word, spelled in the kernel's own way: `name="a b"`. */
function wordOf(name: string, value: string): string {
  return `${name}=${value.includes(' ') ? `"${value}"` : value}`;
}
