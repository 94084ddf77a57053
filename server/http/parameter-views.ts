import { z } from 'zod';
import {
  PARAMETER_REACHES,
  PARAMETER_SCOPES,
  PARAMETER_TYPES,
  type EffectiveParameter,
  type ParameterDeclaration,
  type SetParameter,
} from '../core/parameter.ts';

const text = z.string().optional();
/** A value of any type. */
export const parameterValueView = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);

/** A parameter there is, as the API tells it. */
export const declarationView = z.object({
  name: z.string(),
  type: z.enum(PARAMETER_TYPES),
  meaning: z.string(),
  unit: text,
  choices: z.array(z.string()),
  min: z.number().optional(),
  max: z.number().optional(),
  default: parameterValueView.optional(),
  reach: z.enum(PARAMETER_REACHES),
  word: z.object({ agent: text, bundle: text }).describe('The kernel argument it stands under, by what boots.'),
  by: z.enum(['farrier', 'site']),
});
/** A value that is set somewhere. */
export const settingView = z.object({
  scope: z.enum(PARAMETER_SCOPES),
  subject: z.string(),
  name: z.string(),
  value: parameterValueView,
  setMs: z.number(),
  by: z.string(),
  expiresMs: z.number().optional().describe('When a value for the next boot counts no more.'),
});

/** A value that counts, as the API tells it. */
export const effectiveView = z.object({
  name: z.string(),
  value: parameterValueView,
  origin: z.enum(['default', ...PARAMETER_SCOPES]),
  subject: z.string(),
  type: z.enum(PARAMETER_TYPES),
  unit: text,
  meaning: z.string(),
  setMs: z.number().optional(),
  by: text,
  expiresMs: z.number().optional(),
  overrides: z.array(settingView),
});

/** A set value as the API tells it. */
export function viewOfSetting({
  scope,
  subject,
  name,
  value: given,
  setMs,
  by,
  expiresMs,
}: SetParameter): z.infer<typeof settingView> {
  return { scope, subject, name, value: typeof given === 'object' ? [...given] : given, setMs, by, expiresMs };
}

/** A declaration as the API tells it. */
export function viewOfDeclaration(declaration: ParameterDeclaration): z.infer<typeof declarationView> {
  const usual = declaration.default;
  return {
    ...declaration,
    choices: [...declaration.choices],
    default: typeof usual === 'object' ? [...usual] : usual,
    word: { ...declaration.word },
  };
}

/** A value that counts, with where it comes from and what it counts in place of. */
export function viewOfEffective(parameter: EffectiveParameter): z.infer<typeof effectiveView> {
  const { declaration, origin, subject, setting, overrides } = parameter;
  return {
    name: declaration.name,
    value: typeof parameter.value === 'object' ? [...parameter.value] : parameter.value,
    origin,
    subject,
    type: declaration.type,
    unit: declaration.unit,
    meaning: declaration.meaning,
    setMs: setting?.setMs,
    by: setting?.by,
    expiresMs: setting?.expiresMs,
    overrides: overrides.map(viewOfSetting),
  };
}

/** A complaint about kernel arguments. */
export const findingView = z.object({
  severity: z.enum(['error', 'warning', 'note']),
  text: z.string(),
  remedy: z.string(),
});
/** What counts for a machine's next boot. */
export const machineParameters = z.object({
  parameters: z.array(effectiveView),
  findings: z.array(findingView).describe('What may be wrong with the kernel arguments of its next boot.'),
});
