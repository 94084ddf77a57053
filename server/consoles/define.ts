import { checkFields, type Field, type FieldValues, type ParametersOf } from '../core/field.ts';
import { ConsoleError, type ConsoleEdges, type ConsoleLine, type ConsoleTransport } from '../ports/console.ts';

/** Makes a transport whose `open` is given parameters that were checked against its fields. */
export function defineTransport<const Fields extends Readonly<Record<string, Field>>>(transport: {
  readonly name: string;
  readonly summary: string;
  readonly fields: Fields;
  readonly needs?: 'admin';
  readonly open: (given: ParametersOf<Fields>, edges: ConsoleEdges, signal: AbortSignal) => Promise<ConsoleLine>;
}): ConsoleTransport {
  const isGiven = (values: FieldValues): values is ParametersOf<Fields> & FieldValues =>
    checkFields(transport.fields, values).ok;
  return {
    ...transport,
    open: async (parameters, edges, signal) => {
      const checked = checkFields(transport.fields, parameters);
      if (!checked.ok) throw new ConsoleError('config', checked.error);
      if (!isGiven(checked.value)) throw new ConsoleError('config', 'the parameters do not fit');
      return transport.open(checked.value, edges, signal);
    },
  };
}

/** Where a console server listens. */
export const HOST_FIELDS = {
  host: { kind: 'host', label: 'Host', scope: 'controller', required: true },
  port: { kind: 'port', label: 'TCP port', scope: 'controller', required: true },
} as const satisfies Readonly<Record<string, Field>>;

/** Speed of the line, told to the far end or only shown. */
export const SPEED_FIELD = {
  kind: 'integer',
  label: 'Speed',
  help: 'Of the serial line itself',
  unit: 'baud',
  min: 50,
  max: 4_000_000,
  scope: 'machine',
  required: false,
} as const satisfies Field;
