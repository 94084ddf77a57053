import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../../lab/netns.ts';
import { machineIdOf } from '../../server/core/machine.ts';
import { openRecordings } from '../../server/files/consoles/recordings.ts';
import type { ConsoleRecording, ConsoleRecordings } from '../../server/ports/console-recordings.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const machine = machineIdOf(new Uint8Array(10));
/** Octets that tell where they belong. */
const said = (from: number, octets: number): Buffer =>
  Buffer.from(Array.from({ length: octets }, (_, at) => ((from + at) * 7 + ((from + at) >> 8)) & 255));
/** No multiple of a page: the last write fits in part. */
const PIECE = 10_007;

describe('a console whose disk is really full', () => {
  const folder = mkdtempSync(join(tmpdir(), 'farrier-console-full-'));
  const filler = join(folder, 'filler');
  let clock: FakeClock;
  let recordings: ConsoleRecordings;
  before(() => tool('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]));
  after(async () => {
    await recordings.close();
    await tool('umount', [folder]);
    rmdirSync(folder);
  });

  const open = (): Promise<ConsoleRecording> => {
    recordings = openRecordings({ folder: join(folder, 'consoles'), keepOctets: 4 << 20, clock });
    return recordings.open(machine);
  };
  async function readFrom(recording: ConsoleRecording, from: number): Promise<Buffer> {
    const all: Uint8Array[] = [];
    for (let at = from; ;) {
      const pieces = await recording.read(at, 1 << 20);
      const last = pieces.at(-1);
      if (!last) return Buffer.concat(all);
      assert.equal(pieces[0]?.at, at, 'no gap and nothing twice');
      all.push(...pieces.map((piece) => piece.octets));
      at = last.at + last.octets.length;
    }
  }

  it('pauses with the reason, is seen all the same, and goes on with no octet twice and no offset again', async () => {
    clock = createFakeClock();
    let recording = await open();
    writeFileSync(filler, Buffer.alloc(800 << 10));
    let to = 0;
    while (recording.pausedBecause() === undefined && to < 1 << 20) {
      recording.append(said(to, PIECE));
      to += PIECE;
      await recording.flush();
    }
    assert.equal(recording.pausedBecause(), 'the disk is full; free some space on it');
    assert.ok(to > 10 * PIECE, `${String(to)} octets`);
    recording.append(said(to, PIECE));
    to += PIECE;
    assert.equal(recording.range().to, to, 'offsets count on');
    const seen = await readFrom(recording, to - PIECE);
    assert.ok(seen.equals(said(to - PIECE, PIECE)), 'who watches sees it');

    rmSync(filler);
    clock.advance(5000);
    recording.append(said(to, PIECE));
    to += PIECE;
    await recording.flush();
    assert.equal(recording.pausedBecause(), undefined);
    const kept = await readFrom(recording, 0);
    assert.ok(kept.equals(said(0, to)), 'what was still in memory came after');
    assert.deepEqual(
      recording
        .marks()
        .map((mark) => mark.is)
        .filter((is) => is === 'paused' || is === 'resumed'),
      ['paused', 'resumed'],
    );
    await recordings.close();
    recording = await open();
    assert.deepEqual(recording.range(), { from: 0, to });
    assert.ok((await readFrom(recording, 0)).equals(said(0, to)), 'and after a restart');
  });
});
