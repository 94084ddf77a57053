import { checkFieldValue, type Field, type FieldValues } from '../core/field.ts';
import { err, ok, type Result } from '../core/result.ts';

/** What is wrong with one value of a form. */
export interface BadValue {
  readonly field: string;
  readonly because: string;
}

type Raw = string | number | boolean | undefined;

/** What declares the fields of a form: a power driver, a console transport. */
export interface Declares {
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
}

/**
 * Checks a form against what the plug-in declares: unknown fields, missing ones, kinds, ranges, choices, patterns.
 * `secretsSet` names the secrets that are kept already. The value is the parameters without the secrets.
 */
export function checkSetting(
  plugin: Declares,
  parameters: FieldValues,
  secrets: Readonly<Record<string, string>>,
  secretsSet: readonly string[],
): Result<FieldValues, BadValue> {
  const given: Record<string, Raw> = { ...parameters, ...secrets };
  for (const name of Object.keys(given)) {
    const spec = Object.hasOwn(plugin.fields, name) ? plugin.fields[name] : undefined;
    if (!spec) return bad(name, `${plugin.name} has no such field; it has ${Object.keys(plugin.fields).join(', ')}`);
    if (spec.kind === 'secret' && name in parameters)
      return bad(name, 'is a secret: give it among the secrets, so that it is never shown');
    if (spec.kind !== 'secret' && name in secrets) return bad(name, 'is not a secret; give it among the parameters');
  }
  const clean: Record<string, string | number | boolean> = {};
  for (const [name, spec] of Object.entries(plugin.fields)) {
    const value = given[name] ?? spec.default;
    const isSet = spec.kind === 'secret' && secretsSet.includes(name);
    if (value === undefined || value === '') {
      if (spec.required && !isSet) return bad(name, `is missing: ${spec.label}`);
      continue;
    }
    const checked = checkFieldValue(spec, value);
    if (!checked.ok) return bad(name, checked.error);
    if (spec.kind !== 'secret') clean[name] = checked.value;
  }
  return ok(clean);
}

const bad = (field: string, because: string): Result<never, BadValue> => err({ field, because });
