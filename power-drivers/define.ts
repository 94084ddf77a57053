import { checkFields, type Field, type ParametersOf } from '../server/core/field.ts';
import { PowerError, type PowerDriver, type PowerEdges, type PowerHandle } from '../server/ports/power-driver.ts';

/** A driver as its author writes it: `open` gets parameters that were checked against `fields`. */
export type DriverSpec<Fields extends Readonly<Record<string, Field>>> = Omit<PowerDriver, 'open' | 'fields'> & {
  readonly fields: Fields;
  open(parameters: ParametersOf<Fields>, edges: PowerEdges): PowerHandle;
};

/**
 * Makes a driver of its declaration. Its `open` throws `config`, naming the field, when a parameter does not fit;
 * it does nothing else, so that it also serves to check a setting before it is kept.
 */
export function definePowerDriver<const Fields extends Readonly<Record<string, Field>>>(
  spec: DriverSpec<Fields>,
): PowerDriver {
  return {
    ...spec,
    open: (parameters, edges) => {
      const checked = checkFields(spec.fields, parameters);
      if (!checked.ok) throw new PowerError('config', `${spec.name}: ${checked.error}`);
      if (!isOf(spec.fields, checked.value)) throw new PowerError('config', `${spec.name}: parameters do not fit`);
      return spec.open(checked.value, edges);
    },
  };
}

function isOf<Fields extends Readonly<Record<string, Field>>>(
  fields: Fields,
  values: unknown,
): values is ParametersOf<Fields> {
  return typeof values === 'object' && values !== null && Object.keys(values).every((name) => name in fields);
}
