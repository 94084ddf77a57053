import type { z } from 'zod';
import type { ConfigProblem } from './config.ts';
import type { ConfigDocument, Path, Place } from './document.ts';
import { keysAt } from './settings.ts';
import { suggest } from './suggest.ts';

/** `networks[0].pools[1]`. */
export function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${String(part)}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
};

function wordsOf(issue: z.core.$ZodIssue, present: boolean): string {
  switch (issue.code) {
    case 'invalid_type': {
      const kind = KINDS[issue.expected] ?? issue.expected;
      return present ? `must be ${kind}` : `is missing; it must be ${kind}`;
    }
    case 'invalid_value': {
      const values = issue.values.map(String).join(', ');
      return present ? `must be one of ${values}` : `is missing; it is one of ${values}`;
    }
    case 'too_small':
      if (issue.origin === 'array') return 'needs at least one entry';
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${String(issue.minimum)}`;
    case 'too_big':
      return `must be at most ${String(issue.maximum)}${issue.origin === 'array' ? ' entries' : ''}`;
    case 'custom':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_element':
    case 'invalid_union':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      return issue.message;
  }
}

function unknownKeyWords(key: string, path: Path): string {
  const known = keysAt(path);
  const meant = suggest(key, known);
  return meant === undefined
    ? `unknown key "${key}"; known here are ${known.join(', ')}`
    : `unknown key "${key}"; did you mean "${meant}"?`;
}

/** A problem at a place. */
export function problemAt(file: string, place: Place | undefined, key: string, words: string): ConfigProblem {
  return { file, line: place?.line, column: place?.column, key, words };
}

/** The problems behind one issue of the schema; several when several keys are unknown. */
export function problemsOf(file: string, document: ConfigDocument, issue: z.core.$ZodIssue): readonly ConfigProblem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) =>
      problemAt(file, document.placeOfKey(path, key), formatPath(path), unknownKeyWords(key, path)),
    );
  return [problemAt(file, document.placeOf(path), formatPath(path), wordsOf(issue, document.has(path)))];
}
