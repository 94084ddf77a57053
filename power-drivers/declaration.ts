import { z } from 'zod';
import type { Field } from '../server/core/field.ts';
import { err, ok, type Result } from '../server/core/result.ts';
import { ABILITIES, type PowerDriver } from '../server/ports/power-driver.ts';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'use 1 to 32 small letters, digits and dashes');
const words = (max: number) => z.string().min(1).max(max);

const field = z.strictObject({
  kind: z.enum(['host', 'port', 'text', 'secret', 'integer', 'choice', 'file']),
  label: words(80),
  help: words(400).optional(),
  scope: z.enum(['controller', 'machine']),
  required: z.boolean(),
  default: z.union([z.string().max(255), z.number()]).optional(),
  choices: z.array(words(80)).min(1).max(64).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  pattern: z.string().max(200).optional(),
  unit: words(20).optional(),
});

const declaration = z.object({
  name,
  summary: words(120),
  fields: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,31}$/), field),
  abilities: z.array(z.enum(ABILITIES)).refine((all) => all.includes('on'), 'on at least'),
  callTimeoutMs: z.int().min(100).max(120_000).default(20_000),
  settleTimeoutMs: z.int().min(100).max(600_000).default(30_000),
  paceMs: z.int().min(0).max(60_000).default(0),
});

/** What a driver says of itself, without the doing. */
export type Declaration = Omit<PowerDriver, 'open'>;

/** Checks what a program answered to `describe` or a module exports. The error names the place that is wrong. */
export function readDeclaration(value: unknown): Result<Declaration> {
  const read = declaration.safeParse(value);
  if (!read.success) {
    const [first] = read.error.issues;
    return err(`its declaration is wrong at "${first?.path.join('.') ?? ''}": ${first?.message ?? ''}`);
  }
  const fields = Object.fromEntries(Object.entries(read.data.fields).map(([key, each]) => [key, compact(each)]));
  const secretDefault = Object.entries(fields).find(([, each]) => each.kind === 'secret' && each.default !== undefined);
  if (secretDefault)
    return err(`its field "${secretDefault[0]}" is a secret with a default; there are no default passwords`);
  return ok({ ...read.data, fields });
}

/** The field without absent parts written as `undefined`. */
function compact(read: z.infer<typeof field>): Field {
  const { kind, label, scope, required, help, choices, min, max, pattern, unit } = read;
  return {
    kind,
    label,
    scope,
    required,
    ...(help === undefined ? {} : { help }),
    ...(read.default === undefined ? {} : { default: read.default }),
    ...(choices === undefined ? {} : { choices }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(unit === undefined ? {} : { unit }),
  };
}
