import { err, ok, type Result } from './result.ts';

/** A declared parameter of a plug-in (a power driver, a console transport): form, check, redaction and docs follow from it. */
export interface Field {
  readonly kind: 'host' | 'port' | 'text' | 'secret' | 'integer' | 'choice' | 'file';
  readonly label: string;
  readonly help?: string;
  /** `controller` fields together name the device whose commands queue behind each other. */
  readonly scope: 'controller' | 'machine';
  readonly required: boolean;
  readonly default?: string | number;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** A regular expression without backtracking the whole text must match. */
  readonly pattern?: string;
  readonly unit?: string;
}

/** Fields with their values as they were given. */
export type FieldValues = Readonly<Record<string, string | number | boolean>>;

/** Octets any text parameter may have where its field says nothing else. */
const TEXT_MAX = 255;
const HOST = /^([0-9a-z]([0-9a-z.-]{0,251}[0-9a-z])?|[0-9a-f:]+(%[0-9a-z]+)?)$/i;

type Value<F extends Field> = F extends { readonly kind: 'integer' | 'port' } ? number : string;
type Given<F extends Field> = F extends { readonly required: true } | { readonly default: string | number }
  ? Value<F>
  : Value<F> | undefined;

/** The parameters that follow from declared fields: numbers for integers and ports, texts for the rest. */
export type ParametersOf<Fields extends Readonly<Record<string, Field>>> = {
  readonly [Name in keyof Fields]: Given<Fields[Name]>;
};

/** Checks parameters against a declaration and fills in defaults. The error names the field, never a secret's value. */
export function checkFields(
  fields: Readonly<Record<string, Field>>,
  parameters: FieldValues,
): Result<Readonly<Record<string, string | number>>> {
  const stranger = Object.keys(parameters).find((name) => !Object.hasOwn(fields, name));
  if (stranger !== undefined)
    return err(`there is no field "${stranger}"; known are ${Object.keys(fields).join(', ')}`);
  const values: Record<string, string | number> = {};
  for (const [name, field] of Object.entries(fields)) {
    const raw = parameters[name] ?? field.default;
    if (raw === undefined || raw === '') {
      if (field.required) return err(`"${name}" (${field.label}) is missing`);
      continue;
    }
    const value = checkFieldValue(field, raw);
    if (!value.ok) return err(`"${name}" ${value.error}`);
    values[name] = value.value;
  }
  return ok(values);
}

/** Checks one value against its declaration; numbers come out as numbers. The error never holds the value. */
export function checkFieldValue(field: Field, raw: string | number | boolean): Result<string | number> {
  switch (field.kind) {
    case 'port':
      return checkNumber(raw, 1, 65_535);
    case 'integer':
      return checkNumber(raw, field.min ?? 0, field.max ?? Number.MAX_SAFE_INTEGER);
    case 'choice':
      return field.choices?.includes(String(raw))
        ? ok(String(raw))
        : err(`must be one of ${(field.choices ?? []).join(', ')}`);
    case 'host':
      return HOST.test(String(raw)) ? ok(String(raw)) : err('must be a host name or an address');
    case 'secret':
    case 'text':
    case 'file':
      return checkText(field, String(raw));
  }
}

function checkNumber(raw: string | number | boolean, min: number, max: number): Result<number> {
  const value = typeof raw === 'string' && /^-?\d{1,15}$/.test(raw) ? Number(raw) : raw;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return ok(value);
  return err(`must be a whole number from ${min} to ${max}`);
}

function checkText(field: Field, text: string): Result<string> {
  const max = field.max ?? TEXT_MAX;
  if (text.length > max || text.length < (field.min ?? 0))
    return err(`must have ${field.min ?? 0} to ${max} characters, not ${text.length}`);
  if (/\p{Cc}/u.test(text)) return err('must not hold control characters');
  // A leading dash would be an option to whatever program the text ends up at.
  if (field.kind !== 'secret' && text.startsWith('-')) return err('must not begin with a dash');
  if (field.kind === 'file' && text.split('/').includes('..')) return err('must not climb with ".."');
  if (field.pattern !== undefined && !new RegExp(`^(?:${field.pattern})$`, 'u').test(text))
    return err(`must match ${field.pattern}`);
  return ok(text);
}

/** Checked parameters without those that were not given. */
export function givenOnly(
  parameters: Readonly<Record<string, string | number | undefined>>,
): Readonly<Record<string, string | number>> {
  const given: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) given[name] = value;
  return given;
}
