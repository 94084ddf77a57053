import type { ConfigDocument, Path } from './document.ts';
import type { LoadedSettings } from './load.ts';
import { formatPath } from './problems.ts';

/** One value in force and where it comes from. */
export interface ShownValue {
  readonly key: string;
  readonly value: string;
  /** `line 7` of the file, or `default`. */
  readonly origin: string;
}

function leaves(value: unknown, path: Path): readonly (readonly [Path, string])[] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((each, index) => leaves(each, [...path, index]));
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.entries(value).flatMap(([key, each]) => leaves(each, [...path, key]));
  return value === undefined ? [] : [[path, JSON.stringify(value)]];
}

function originOf(document: ConfigDocument, path: Path): string {
  return document.has(path) ? `line ${String(document.placeOf(path).line)}` : 'default';
}

/** Every value of a checked file, defaults filled in. `networks[].address` is absent where the interface decides. */
export function showSettings({ settings, document }: LoadedSettings): readonly ShownValue[] {
  return leaves(settings, []).map(([path, value]) => ({
    key: formatPath(path),
    value,
    origin: originOf(document, path),
  }));
}
