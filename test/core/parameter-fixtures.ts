import { PARAMETER_CATALOGUE } from '../../server/core/parameter-catalogue.ts';
import type { NewSetParameter, ParameterDeclaration, SetParameter } from '../../server/core/parameter.ts';

/** A shipped declaration that must be there. */
export function declared(name: string): ParameterDeclaration {
  const found = PARAMETER_CATALOGUE.find((each) => each.name === name);
  if (!found) throw new Error(`no parameter ${name}`);
  return found;
}

/** A value on its way into the store. */
export function sampleSetting(name: string, change: Partial<NewSetParameter> = {}): NewSetParameter {
  return { scope: 'site', subject: '', name, value: true, setMs: 1_000, by: 'alice', expiresMs: undefined, ...change };
}

/** A value as the store gives it. */
export function setting(id: number, name: string, change: Partial<SetParameter> = {}): SetParameter {
  return { ...sampleSetting(name), id, boot: undefined, ...change };
}

/** A declaration of the site's own. */
export const ownNote: ParameterDeclaration = {
  name: 'lab.note',
  type: 'text',
  meaning: 'A note.',
  unit: undefined,
  choices: [],
  min: undefined,
  max: undefined,
  default: undefined,
  reach: 'metadata',
  word: { agent: undefined, bundle: undefined },
  by: 'site',
};
