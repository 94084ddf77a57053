import type { Sha256 } from '../../core/address.ts';
import type { DtbVersion } from '../../core/dtb-version.ts';
import type { BoardDtbStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { fromJson, wordsShape } from './shapes.ts';

interface DtbRow {
  readonly board: string;
  readonly version: number;
  readonly sha256: Sha256;
  readonly octets: number;
  readonly file: string;
  readonly model: string | null;
  readonly compatible: string;
  readonly source: string;
  readonly licence: string;
  readonly at_ms: number;
  readonly imported_by: string;
}

function versionOf(row: DtbRow): DtbVersion {
  const { board, version, sha256, octets, file, source, licence } = row;
  return {
    ...{ board, version, sha256, octets, file, source, licence },
    model: row.model ?? undefined,
    compatible: fromJson(wordsShape, row.compatible) ?? [],
    atMs: row.at_ms,
    by: row.imported_by,
  };
}

function rowOf(version: DtbVersion): DtbRow {
  const { atMs, by, ...rest } = version;
  const compatible = JSON.stringify(version.compatible);
  return { ...rest, model: version.model ?? null, compatible, at_ms: atMs, imported_by: by };
}

/** Imported device trees in SQLite. Which one is current is a row of its own, so that going back loses nothing. */
export function createBoardDtbStore(ledger: Ledger): BoardDtbStore {
  const { db } = ledger;
  const ofBoard = db.prepare<[string], DtbRow>('SELECT * FROM board_dtb WHERE board = ? ORDER BY version');
  const currentOf = db.prepare<[string], { version: number }>('SELECT version FROM board_dtb_current WHERE board = ?');
  const current = db.prepare<[], DtbRow>(
    'SELECT board_dtb.* FROM board_dtb_current JOIN board_dtb USING (board, version) ORDER BY board',
  );
  const newest = db.prepare<[string], { version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM board_dtb WHERE board = ?',
  );
  const insert = db.prepare(
    `INSERT INTO board_dtb
       (board, version, sha256, octets, file, model, compatible, source, licence, at_ms, imported_by)
     VALUES (@board, @version, @sha256, @octets, @file, @model, @compatible, @source, @licence, @at_ms, @imported_by)`,
  );
  const choose = db.prepare(
    `INSERT INTO board_dtb_current (board, version) VALUES (?, ?)
     ON CONFLICT (board) DO UPDATE SET version = excluded.version`,
  );
  const leave = db.prepare('DELETE FROM board_dtb_current WHERE board = ?');
  return {
    ofBoard: (board) =>
      ledger.read(() => ({
        current: currentOf.get(board)?.version ?? 0,
        versions: ofBoard.all(board).map(versionOf),
      })),
    current: () => ledger.read(() => current.all().map(versionOf)),
    add: (made, events) =>
      ledger.write((note) => {
        const version = { ...made, version: (newest.get(made.board)?.version ?? 0) + 1 };
        insert.run(rowOf(version));
        choose.run(version.board, version.version);
        note(events(version.version));
        return version;
      }),
    choose: (board, version, events) =>
      ledger.write((note) => {
        if (version === 0) leave.run(board);
        else choose.run(board, version);
        note(events);
      }),
  };
}
