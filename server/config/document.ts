import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import { err, ok, type Result } from '../core/result.ts';

/** A way into the file: `['networks', 0, 'pools', 1]`. */
export type Path = readonly (string | number)[];

/** Where something stands, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed file that remembers where everything stands. */
export interface ConfigDocument {
  readonly value: unknown;
  /** What is wrong with the YAML itself, first things first. */
  readonly faults: readonly { readonly place: Place; readonly words: string }[];
  has(path: Path): boolean;
  /** The value at a path, or the nearest thing above it that is there. */
  placeOf(path: Path): Place;
  /** The key itself of the entry at a path. */
  placeOfKey(path: Path, key: string): Place;
}

const START: Place = { line: 1, column: 1 };

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return line === 0 ? START : { line, column: col };
}

function offsetOf(document: Document, path: Path): number | undefined {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}

function keyOffset(document: Document, path: Path, key: string): number | undefined {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return undefined;
  const found = map.items.map((pair) => pair.key).find((each) => isScalar(each) && String(each.value) === key);
  return isScalar(found) ? found.range?.[0] : undefined;
}

/** Aliases may point nowhere, or unfold without end. */
function valueOf(document: Document): Result<unknown> {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return ok(value);
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

/** Reads YAML 1.2; a key given twice is a fault. */
export function readDocument(text: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const placeOf = (path: Path): Place => {
    for (let length = path.length; length >= 0; length--) {
      const offset = offsetOf(document, path.slice(0, length));
      if (offset !== undefined) return placeAt(lines, offset);
    }
    return START;
  };
  const said = [...document.errors, ...document.warnings].map((fault) => ({
    place: placeAt(lines, fault.pos[0]),
    words: fault.message,
  }));
  const value = said.length > 0 ? ok(undefined) : valueOf(document);
  return {
    value: value.ok ? value.value : undefined,
    faults: value.ok ? said : [{ place: START, words: value.error }],
    has: (path) => document.hasIn(path),
    placeOf,
    placeOfKey: (path, key) => {
      const offset = keyOffset(document, path, key);
      return offset === undefined ? placeOf(path) : placeAt(lines, offset);
    },
  };
}
