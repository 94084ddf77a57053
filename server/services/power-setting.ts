import type { PowerDriver, PowerField, PowerParameters } from '../ports/power-driver.ts';
import { err, ok, type Result } from '../core/result.ts';

/** What is wrong with one value of a power form. */
export interface BadPowerValue {
  readonly field: string;
  readonly because: string;
}

type Raw = string | number | boolean | undefined;

/**
 * Checks a power form against what the driver declares: unknown fields, missing ones, kinds, ranges, choices,
 * patterns; no text may begin with a dash or hold control characters (it may become an argument of a program).
 * `secretsSet` names the secrets that are kept already.
 */
export function checkPowerSetting(
  driver: PowerDriver,
  parameters: PowerParameters,
  secrets: Readonly<Record<string, string>>,
  secretsSet: readonly string[],
): Result<PowerParameters, BadPowerValue> {
  const given: Record<string, Raw> = { ...parameters, ...secrets };
  for (const name of Object.keys(given)) {
    const spec = Object.hasOwn(driver.fields, name) ? driver.fields[name] : undefined;
    if (!spec)
      return bad(name, `driver ${driver.name} has no such field; it has ${Object.keys(driver.fields).join(', ')}`);
    if (spec.kind === 'secret' && name in parameters)
      return bad(name, 'is a secret: give it among the secrets, so that it is never shown');
    if (spec.kind !== 'secret' && name in secrets) return bad(name, 'is not a secret; give it among the parameters');
  }
  const clean: Record<string, string | number | boolean> = {};
  for (const [name, spec] of Object.entries(driver.fields)) {
    const value = given[name] ?? spec.default;
    const isSet = spec.kind === 'secret' && secretsSet.includes(name);
    if (value === undefined || value === '') {
      if (spec.required && !isSet) return bad(name, `is missing: ${spec.label}`);
      continue;
    }
    const because = whyBad(spec, value);
    if (because !== undefined) return bad(name, because);
    if (spec.kind !== 'secret') clean[name] = spec.kind === 'integer' || spec.kind === 'port' ? Number(value) : value;
  }
  return ok(clean);
}

const bad = (field: string, because: string): Result<never, BadPowerValue> => err({ field, because });

function whyBad(spec: PowerField, value: string | number | boolean): string | undefined {
  switch (spec.kind) {
    case 'integer':
      return whyBadNumber(value, spec.min, spec.max);
    case 'port':
      return whyBadNumber(value, spec.min ?? 1, spec.max ?? 65_535);
    case 'choice':
      return spec.choices?.includes(String(value)) ? undefined : `must be one of ${(spec.choices ?? []).join(', ')}`;
    case 'host':
      return /^[A-Za-z0-9]([A-Za-z0-9.:-]{0,253}[A-Za-z0-9])?$/.test(String(value))
        ? undefined
        : 'must be a host name or an address';
    case 'secret':
      return whyBadText(String(value), spec, false);
    case 'text':
    case 'file':
      return whyBadText(String(value), spec, true);
  }
}

function whyBadNumber(value: string | number | boolean, min = 0, max = Number.MAX_SAFE_INTEGER): string | undefined {
  const number = typeof value === 'number' ? value : /^-?\d{1,15}$/.test(String(value)) ? Number(value) : NaN;
  const inside = Number.isInteger(number) && min <= number && number <= max;
  return inside ? undefined : `must be a whole number from ${String(min)} to ${String(max)}`;
}

function whyBadText(text: string, spec: PowerField, isArgument: boolean): string | undefined {
  if (text.length > 1024) return 'is longer than 1024 characters';
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'holds control characters';
  if (isArgument && text.startsWith('-')) return 'begins with a dash, which a program would take for an option';
  if (spec.pattern !== undefined && !new RegExp(`^(?:${spec.pattern})$`).test(text))
    return `must match ${spec.pattern}`;
  return undefined;
}
