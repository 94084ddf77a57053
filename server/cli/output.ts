import { styleText } from 'node:util';
import { stringify } from 'yaml';
import type { Terminal } from './deps.ts';

/** How data can be written. */
export const FORMATS = ['table', 'json', 'yaml', 'csv', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** One column of a list. */
export interface Column<T> {
  readonly title: string;
  readonly value: (item: T) => string | number | undefined;
}

/** Things to show: the columns for tables and CSV, the first of which is the name; the things as they came for the rest. */
export interface Listing<T> {
  readonly items: readonly T[];
  readonly columns: readonly Column<T>[];
}

/**
 * A text fit for a terminal: names, event texts and vendor classes come from firmware, and must not move the cursor or
 * turn the writing around.
 */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (letter) => (letter === '\n' ? ' ' : '\ufffd'));
}

const cell = (value: string | number | undefined): string => (value === undefined ? '' : String(value));

function table<T>({ items, columns }: Listing<T>, colour: boolean): string {
  const titles = columns.map((column) => column.title);
  const rows = items.map((item) => columns.map((column) => plain(cell(column.value(item)))));
  const widths = titles.map((title, index) => Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((each, index) => each.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  const head = line(titles);
  return [colour ? styleText('bold', head, { validateStream: false }) : head, ...rows.map(line)].join('\n') + '\n';
}

/** RFC 4180: quoted where it must be, lines ended by CRLF. */
function csv<T>({ items, columns }: Listing<T>): string {
  const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = [
    columns.map((column) => column.title.toLowerCase().replaceAll(' ', '_')),
    ...items.map((item) => columns.map((column) => plain(cell(column.value(item))))),
  ];
  return rows.map((row) => `${row.map(quote).join(',')}\r\n`).join('');
}

const UNSAFE = /[\u007f-\u009f\p{Bidi_Control}\u2028\u2029]/gu;

const escaped = (text: string): string =>
  text.replace(UNSAFE, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** JSON whose text holds no control character at all, not even the ones JSON allows. */
function json(value: unknown): string {
  return `${escaped(JSON.stringify(value, null, 2))}\n`;
}

/** YAML, with every text quoted where one of them holds something that must be escaped. */
function yaml(value: unknown): string {
  const text = stringify(value, { lineWidth: 0 });
  if (text.search(UNSAFE) < 0) return text;
  return escaped(stringify(value, { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' }));
}

function names<T>({ items, columns: [first] }: Listing<T>): string {
  return items.map((item) => `${plain(cell(first?.value(item)))}\n`).join('');
}

/** Writes a list of things. */
export function writeList<T>(terminal: Terminal, format: Format, listing: Listing<T>): void {
  terminal.writeOut(
    (() => {
      switch (format) {
        case 'table':
          return table(listing, terminal.colour);
        case 'json':
          return json(listing.items);
        case 'yaml':
          return yaml(listing.items);
        case 'csv':
          return csv(listing);
        case 'name':
          return names(listing);
      }
    })(),
  );
}

/** One fact of a thing. */
export type Fact = readonly [title: string, value: string | number | undefined];

/** One thing in full: its facts for a table, CSV and name; itself for JSON and YAML. */
export interface Sheet {
  readonly item: unknown;
  readonly name: string;
  readonly facts: readonly Fact[];
}

/** The facts that the columns of a list tell of one thing. */
export function factsBy<T>(columns: readonly Column<T>[], item: T): readonly Fact[] {
  return columns.map(({ title, value }) => [title.toLowerCase(), value(item)]);
}

function sheetText(facts: readonly Fact[]): string {
  const known = facts.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...known.map(([title]) => title.length));
  return known.map(([title, value]) => `${title.padEnd(width)}  ${plain(cell(value))}\n`).join('');
}

/** Writes one thing in full. */
export function writeSheet(terminal: Terminal, format: Format, { item, name, facts }: Sheet): void {
  switch (format) {
    case 'table':
      terminal.writeOut(sheetText(facts));
      return;
    case 'json':
      terminal.writeOut(json(item));
      return;
    case 'yaml':
      terminal.writeOut(yaml(item));
      return;
    case 'csv': {
      const columns = [
        { title: 'key', value: ([title]: Fact) => title },
        { title: 'value', value: ([, value]: Fact) => value },
      ];
      terminal.writeOut(csv({ items: facts.filter(([, value]) => value !== undefined), columns }));
      return;
    }
    case 'name':
      terminal.writeOut(`${plain(name)}\n`);
  }
}

/** `2026-11-20T15:45:02Z`. */
export function timeText(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}
