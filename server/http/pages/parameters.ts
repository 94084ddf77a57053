import {
  valueText,
  type EffectiveParameter,
  type ParameterDeclaration,
  type SetParameter,
} from '../../core/parameter.ts';

/** A parameter that somebody set, as the page shows it. */
interface ShownParameter {
  readonly name: string;
  readonly value: string;
  readonly unit: string | undefined;
  readonly origin: string;
  /** Where the value comes from, in words. */
  readonly from: string;
  readonly by: string | undefined;
  readonly meaning: string;
  /** Set for this machine itself, so that it can be unset here. */
  readonly isOwn: boolean;
  readonly overrides: readonly { readonly value: string; readonly from: string }[];
}

/** A parameter as a form, filled with what counts now. */
interface ParameterForm {
  readonly name: string;
  readonly type: ParameterDeclaration['type'];
  readonly unit: string | undefined;
  readonly meaning: string;
  readonly choices: readonly string[];
  readonly value: string;
}

/** The parameters of a machine as its page shows them. */
export interface ParameterPanel {
  readonly set: readonly ShownParameter[];
  readonly all: readonly ParameterForm[];
}

const VALUE_LETTERS_MAX = 200;

const onOneLine = (text: string): string => {
  const line = text.replaceAll('\n', ', ');
  return line.length > VALUE_LETTERS_MAX ? `${line.slice(0, VALUE_LETTERS_MAX - 1)}…` : line;
};

function fromWords({ scope, subject }: Pick<SetParameter, 'scope' | 'subject'>): string {
  switch (scope) {
    case 'site':
      return 'site';
    case 'network':
    case 'board':
      return `${scope} ${subject}`;
    case 'machine':
      return 'this machine';
    case 'once':
      return 'next boot only';
  }
}

/** What is set stands on top, everything that can be set below. */
export function parameterPanel(
  declarations: readonly ParameterDeclaration[],
  counting: readonly EffectiveParameter[],
): ParameterPanel {
  const set = counting.flatMap(({ declaration, value, origin, setting, overrides }): readonly ShownParameter[] => {
    if (!setting) return [];
    const { name, unit, meaning } = declaration;
    return [
      {
        ...{ name, unit, meaning, origin, by: setting.by, from: fromWords(setting) },
        value: onOneLine(valueText(value)),
        isOwn: origin === 'machine' || origin === 'once',
        overrides: overrides.map((each) => ({ value: onOneLine(valueText(each.value)), from: fromWords(each) })),
      },
    ];
  });
  return { set, all: declarations.map((declaration) => formOf(declaration, counting)) };
}

function formOf(declaration: ParameterDeclaration, counting: readonly EffectiveParameter[]): ParameterForm {
  const { name, type, unit, meaning } = declaration;
  const now = counting.find((each) => each.declaration.name === name);
  const choices = type === 'flag' ? ['true', 'false'] : declaration.choices;
  // A flag's form offers what is not so yet.
  const value = type === 'flag' ? String(now?.value !== true) : now ? valueText(now.value) : '';
  return { name, type, unit, meaning, choices, value };
}
