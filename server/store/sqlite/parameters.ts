import { z } from 'zod';
import {
  PARAMETER_REACHES,
  PARAMETER_TYPES,
  type ParameterDeclaration,
  type ParameterPlace,
  type ParameterScope,
  type ParameterValue,
  type SetParameter,
} from '../../core/parameter.ts';
import { StaleWrite, Taken, type ParameterStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { toJson } from './shapes.ts';

const text = z.string();
const valueShape: z.ZodType<ParameterValue> = z.union([text, z.number(), z.boolean(), z.array(text).readonly()]);
const orNone = <T extends z.ZodType>(shape: T) => shape.nullish().transform((value) => value ?? undefined);
const declarationShape: z.ZodType<ParameterDeclaration> = z.object({
  name: text,
  type: z.enum(PARAMETER_TYPES),
  meaning: text,
  unit: orNone(text),
  choices: z.array(text),
  min: orNone(z.number()),
  max: orNone(z.number()),
  default: orNone(valueShape),
  reach: z.enum(PARAMETER_REACHES),
  word: z.object({ agent: orNone(text), bundle: orNone(text) }),
  by: z.enum(['farrier', 'site']),
});

interface ValueRow {
  readonly id: number;
  readonly scope: ParameterScope;
  readonly subject: string;
  readonly name: string;
  readonly value: string;
  readonly set_ms: number;
  readonly set_by: string;
  readonly expires_ms: number | null;
  readonly boot: string | null;
}

function settingOf(row: ValueRow): SetParameter {
  return {
    id: row.id,
    scope: row.scope,
    subject: row.subject,
    name: row.name,
    value: valueShape.parse(JSON.parse(row.value)),
    setMs: row.set_ms,
    by: row.set_by,
    expiresMs: row.expires_ms ?? undefined,
    boot: row.boot ?? undefined,
  };
}

function statements({ db }: Ledger) {
  return {
    declared: db.prepare<[], { declaration: string }>('SELECT declaration FROM parameter_declaration ORDER BY name'),
    declare: db.prepare(
      `INSERT INTO parameter_declaration (name, declaration) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET declaration = excluded.declaration`,
    ),
    undeclare: db.prepare('DELETE FROM parameter_declaration WHERE name = ?'),
    user: db.prepare<[string], ValueRow>('SELECT * FROM parameter_value WHERE name = ? AND boot IS NULL LIMIT 1'),
    all: db.prepare<[], ValueRow>('SELECT * FROM parameter_value WHERE boot IS NULL ORDER BY name, scope, subject'),
    at: db.prepare<[ParameterScope, string], ValueRow>(
      'SELECT * FROM parameter_value WHERE scope = ? AND subject = ? ORDER BY name, id',
    ),
    hasMachine: db.prepare<[string], { id: string }>('SELECT id FROM machine WHERE id = ?'),
    insert: db.prepare(
      `INSERT INTO parameter_value (scope, subject, name, value, set_ms, set_by, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    remove: db.prepare('DELETE FROM parameter_value WHERE scope = ? AND subject = ? AND name = ? AND boot IS NULL'),
    spend: db.prepare("UPDATE parameter_value SET boot = ? WHERE id = ? AND scope = 'once' AND boot IS NULL"),
    giveBack: db.prepare('UPDATE OR IGNORE parameter_value SET boot = NULL WHERE id = ? AND boot = ?'),
  };
}

/** Parameters in SQLite. A machine's values go with it, its expired one-shot values when a boot begins (triggers). */
export function createParameterStore(ledger: Ledger): ParameterStore {
  const sql = statements(ledger);
  // Each boot decision looks at all of them, and they rarely change.
  let declared: readonly ParameterDeclaration[] | undefined;
  const readDeclared = (): readonly ParameterDeclaration[] =>
    sql.declared.all().map((row) => declarationShape.parse(JSON.parse(row.declaration)));
  const SITE: ParameterPlace = { scope: 'site', subject: '' };
  return {
    declarations: () => ledger.read(() => (declared ??= readDeclared())),
    declare: (declaration, events) =>
      ledger.write((note) => {
        declared = undefined;
        sql.declare.run(declaration.name, toJson(declarationShape, declaration));
        note(events);
      }),
    undeclare: (name, events) =>
      ledger.write((note) => {
        declared = undefined;
        const user = sql.user.get(name);
        if (user) throw new Taken(`${name} is still set for ${`${user.scope} ${user.subject}`.trim()}; unset it first`);
        if (sql.undeclare.run(name).changes > 0) note(events);
      }),
    list: () => ledger.read(() => sql.all.all().map(settingOf)),
    at: (places) =>
      ledger.read(() =>
        [SITE, ...places.filter((place) => place.scope !== 'site')].flatMap(({ scope, subject }) =>
          sql.at.all(scope, subject).map(settingOf),
        ),
      ),
    set: (value, events) =>
      ledger.write((note) => {
        const { scope, subject, name } = value;
        const ofMachine = scope === 'machine' || scope === 'once';
        if (ofMachine && !sql.hasMachine.get(subject)) throw new StaleWrite(`machine ${subject} is gone`);
        sql.remove.run(scope, subject, name);
        const json = JSON.stringify(value.value);
        const done = sql.insert.run(scope, subject, name, json, value.setMs, value.by, value.expiresMs ?? null);
        note(events);
        return { ...value, id: Number(done.lastInsertRowid), boot: undefined };
      }),
    unset: ({ scope, subject }, name, events) =>
      ledger.write((note) => {
        const was = sql.remove.run(scope, subject, name).changes > 0;
        if (was) note(events);
        return was;
      }),
    spend: (ids, boot, events) =>
      ledger.write((note) => {
        const spent = ids.filter((id) => sql.spend.run(boot, id).changes > 0);
        if (spent.length > 0) note(events);
        return spent;
      }),
    giveBack: (ids, boot) =>
      ledger.write(() => {
        for (const id of ids) sql.giveBack.run(id, boot);
      }),
  };
}
