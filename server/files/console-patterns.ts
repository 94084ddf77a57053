import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { LOADERS } from '../core/arch.ts';
import { LAYERS } from '../core/boot-verdict.ts';
import { gapsOf, parsePattern, type ConsolePattern } from '../core/console-pattern.ts';
import type { BoardFinding } from './board-file.ts';
import { stampOf } from './file-stamp.ts';

/** The file of a folder of boards in which patterns stand. */
const FILE = 'console-patterns.yaml';
const PATTERNS_MAX = 200;

const patternShape = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'small letters, digits and dashes'),
    text: z.string().max(200),
    says: z.string().min(1).max(200),
    severity: z.enum(['note', 'good', 'warning', 'bad']).optional(),
    loader: z.enum(LOADERS).optional(),
    stops: z.enum(LAYERS).optional(),
    remedy: z.string().min(1).max(300).optional(),
    tail: z.boolean().default(false),
  })
  .superRefine((pattern, context) => {
    const pieces = parsePattern(pattern.text);
    const say = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (!pieces.ok) {
      say('text', pieces.error);
      return;
    }
    const gaps = gapsOf(pieces.value);
    const strange = [...pattern.says.matchAll(/\{([a-z]+)\}/g)].find(([, name]) => !gaps.includes(name ?? ''));
    if (strange) say('says', `names the gap ${strange[0]}, which "text" has not`);
    if (pattern.loader !== undefined && !gaps.includes('version')) say('loader', 'needs a gap {version} in "text"');
    if (pattern.stops !== undefined && pattern.remedy === undefined) say('remedy', 'is missing: what can be tried');
  });
const fileShape = z.strictObject({ patterns: z.array(patternShape).max(PATTERNS_MAX) });

/** What a folder's file holds, and what is wrong with it. A file with an error counts for nothing. */
interface PatternFile {
  readonly patterns: readonly ConsolePattern[];
  readonly findings: readonly BoardFinding[];
}

/** The patterns of these folders: those of the last folder first, one of each name; with what is wrong in their files. */
export function readConsolePatterns(folders: readonly string[]): PatternFile {
  const files = folders.toReversed().map((folder) => readPatternFile(join(folder, FILE)));
  const all = new Map<string, ConsolePattern>();
  for (const pattern of files.flatMap(({ patterns }) => patterns))
    if (!all.has(pattern.name)) all.set(pattern.name, pattern);
  return { patterns: [...all.values()], findings: files.flatMap(({ findings }) => findings) };
}

/** Another text when one of the folders' files has changed, come or gone. Cheap: one stat a folder. */
export function stampOfPatterns(folders: readonly string[]): string {
  return folders.map((folder) => stampOf(join(folder, FILE)) ?? '').join('\n');
}

function readPatternFile(file: string): PatternFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // A folder need not have one.
    return { patterns: [], findings: [] };
  }
  return parsePatternFile(file, text);
}

/** Reads the text of such a file. */
export function parsePatternFile(file: string, text: string): PatternFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number, words: string): BoardFinding => {
    const { line, col } = lines.linePos(offset);
    const remedy = 'see the shipped dtbs/console-patterns.yaml';
    return { file, line: Math.max(1, line), column: Math.max(1, col), severity: 'error', words, remedy };
  };
  const broken = document.errors.map((error) =>
    at(error.pos[0], `not valid YAML: ${error.message.split('\n')[0] ?? ''}`),
  );
  if (broken.length > 0) return { patterns: [], findings: broken };
  const parsed = fileShape.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (parsed.success) return { patterns: parsed.data.patterns.map(patternOf), findings: [] };
  const findings = parsed.error.issues.map((issue) => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    return at(offsetOf(document, path), `${path.join('.')}: ${issue.message}`);
  });
  return { patterns: [], findings };
}

/** Where the deepest part of a path stands that is there. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (node !== null && typeof node === 'object' && 'range' in node && Array.isArray(node.range)) {
      const from: unknown = node.range[0];
      if (typeof from === 'number') return from;
    }
  }
  return 0;
}

function patternOf(given: z.infer<typeof patternShape>): ConsolePattern {
  const severity = given.severity ?? (given.stops === undefined ? 'note' : 'bad');
  const { name, text, says, loader, stops, remedy, tail } = given;
  return { name, text, says, severity, loader, stops, remedy, tail };
}
