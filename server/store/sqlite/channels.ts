import { bundleRef } from '../../core/bundle.ts';
import { channelRef, channelsOf, type ChannelMove } from '../../core/channel.ts';
import { Taken, type BundleStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';

interface MoveRow {
  readonly id: number;
  readonly name: string;
  readonly channel: string;
  readonly version: string;
  readonly at_ms: number;
  readonly asked_by: string;
  readonly undone_ms: number | null;
}

function moveOf({ id, name, channel, version, at_ms, asked_by, undone_ms }: MoveRow): ChannelMove {
  return { id, name, channel, version, atMs: at_ms, by: asked_by, undoneMs: undone_ms ?? undefined };
}

/** Reads all moves, oldest first; for use inside a transaction too. */
export function readMoves(db: Ledger['db']): () => readonly ChannelMove[] {
  const all = db.prepare<[], MoveRow>('SELECT * FROM channel_move ORDER BY id');
  return () => all.all().map(moveOf);
}

/** The moves of channels in SQLite. */
export function createChannelStore(ledger: Ledger): Pick<BundleStore, 'moves' | 'move' | 'undo'> {
  const { db } = ledger;
  const all = readMoves(db);
  const exists = db.prepare<[string], { found: 1 }>("SELECT 1 AS found FROM bundle WHERE name || '@' || version = ?");
  const insert = db.prepare(
    'INSERT INTO channel_move (name, channel, version, at_ms, asked_by) VALUES (@name, @channel, @version, @atMs, @by)',
  );
  const undo = db.prepare('UPDATE channel_move SET undone_ms = ? WHERE id = ?');
  // Each boot decision follows the channels.
  let moves: readonly ChannelMove[] | undefined;
  return {
    moves: () => ledger.read(() => (moves ??= all())),
    move: (move, from, events) =>
      ledger.write((note) => {
        moves = undefined;
        const ref = channelRef(move);
        if (!exists.get(bundleRef(move))) throw new Taken(`the bundle ${bundleRef(move)} is not there any more`);
        const now = channelsOf(all()).find((channel) => channelRef(channel) === ref);
        if (now?.version !== from) throw new Taken(`channel ${ref} points at ${now?.version ?? 'nothing'} by now`);
        insert.run(move);
        note(events);
      }),
    undo: (id, atMs, events) =>
      ledger.write((note) => {
        moves = undefined;
        const standing = all().filter((move) => move.undoneMs === undefined);
        const wanted = standing.find((move) => move.id === id);
        const newest = wanted && standing.findLast((move) => channelRef(move) === channelRef(wanted));
        if (newest?.id !== id) throw new Taken('the channel has moved meanwhile; look again');
        undo.run(atMs, id);
        note(events);
      }),
  };
}
