import { strict as assert } from 'node:assert';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineIdOf } from '../../../server/core/machine.ts';
import { openRecordings } from '../../../server/files/consoles/recordings.ts';
import type { ConsoleRecording, ConsoleRecordings } from '../../../server/ports/console-recordings.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

const machine = machineIdOf(new Uint8Array(10));
const text = (words: string): Uint8Array => Buffer.from(words, 'latin1');

async function readAll(recording: ConsoleRecording, from = 0): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for (let offset = from; ;) {
    const pieces = await recording.read(offset, 1000);
    const last = pieces.at(-1);
    if (!last) return Buffer.concat(all);
    all.push(...pieces.map((piece) => piece.octets));
    offset = last.at + last.octets.length;
  }
}

describe('console recordings', () => {
  let folder = '';
  let clock: FakeClock;
  let recordings: ConsoleRecordings;
  const open = (keepOctets = 1 << 20): ConsoleRecordings => openRecordings({ folder, keepOctets, clock });
  const files = (): readonly string[] => readdirSync(join(folder, machine)).sort();
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'farrier-consoles-')), 'consoles');
    clock = createFakeClock();
    recordings = open();
  });
  afterEach(async () => {
    await recordings.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps octets unchanged, with their times, readable by its owner only', async () => {
    const recording = await recordings.open(machine);
    const every = Uint8Array.from({ length: 256 }, (_, n) => n);
    recording.append(every);
    clock.advance(1000);
    recording.append(text('later'));
    await recording.flush();
    assert.deepEqual(await readAll(recording), Buffer.concat([every, text('later')]));
    const log = files().find((name) => name.endsWith('.log')) ?? '';
    assert.deepEqual(readFileSync(join(folder, machine, log)), Buffer.concat([every, text('later')]));
    for (const name of files()) assert.equal(statSync(join(folder, machine, name)).mode & 0o777, 0o600, name);
    assert.equal(statSync(join(folder, machine)).mode & 0o777, 0o700);
    const times = (await recording.read(0, 1000)).map(({ at, atMs }) => [at, atMs]);
    assert.deepEqual(times, [
      [0, 1_000_000],
      [256, 1_001_000],
    ]);
  });

  it('the same recording for everybody; each is told of what comes', async () => {
    const [one, two] = await Promise.all([recordings.open(machine), recordings.open(machine)]);
    assert.equal(one, two);
    let told = 0;
    const end = one.subscribe(() => (told += 1));
    one.append(text('x'));
    assert.ok(told > 0);
    end();
    const before = told;
    one.append(text('y'));
    assert.equal(told, before);
  });

  it('goes on after a restart where it ended, its times and marks with it', async () => {
    const before = await recordings.open(machine);
    before.mark('boot', 'b-1');
    before.append(text('first'));
    before.mark('closed', 'the server went away');
    await recordings.close();
    recordings = open();
    const after = await recordings.open(machine);
    assert.deepEqual(after.range(), { from: 0, to: 5 });
    clock.advance(5000);
    after.append(text('second'));
    await after.flush();
    assert.equal((await readAll(after)).toString(), 'firstsecond');
    assert.deepEqual(
      after.marks().map(({ is, at, words }) => [is, at, words]),
      [
        ['boot', 0, 'b-1'],
        ['closed', 5, 'the server went away'],
      ],
    );
    await recordings.close();
    recordings = open();
    const pieces = await (await recordings.open(machine)).read(0, 100);
    assert.deepEqual(
      pieces.map(({ at, atMs }) => [at, atMs]),
      [
        [0, 1_000_000],
        [5, 1_005_000],
      ],
    );
  });

  it('a crash loses nothing that was written: what is there without being closed is read', async () => {
    const before = await recordings.open(machine);
    before.append(text('written at once'));
    await before.flush();
    const after = await open().open(machine);
    assert.equal((await readAll(after)).toString(), 'written at once');
  });

  it('keeps so much and no more; the oldest goes, and an offset is never given twice', async () => {
    recordings = open(8000);
    const recording = await recordings.open(machine);
    recording.mark('boot', 'b-1');
    for (let n = 0; n < 100; n += 1) {
      recording.append(text(String(n).padStart(400, '.')));
      if (n === 50) recording.mark('boot', 'b-2');
      await recording.flush();
    }
    const { from, to } = recording.range();
    assert.equal(to, 40_000);
    assert.ok(to - from <= 8000 && to - from > 5000, String(to - from));
    const all = await readAll(recording);
    assert.equal(all.length, to - from);
    assert.equal(all.subarray(-2).toString(), '99');
    const octets = files().filter((name) => name.endsWith('.log'));
    assert.ok(octets.reduce((sum, name) => sum + statSync(join(folder, machine, name)).size, 0) <= 8000);
    assert.deepEqual(
      recording.marks().map(({ words }) => words),
      ['b-2'],
      'the boot under way at the beginning is still known',
    );
    const [first] = await recording.read(0, 10);
    assert.equal(first?.at, from, 'who asks for what is gone gets what is there, with its offset');
  });

  it('20 a board that says an octet now and then takes no more of the disk than any other', async () => {
    recordings = open(8000);
    const recording = await recordings.open(machine);
    for (let n = 0; n < 2000; n += 1) {
      recording.append(text('x'));
      clock.advance(21);
      if (n % 20 === 0) await recording.flush();
    }
    await recording.flush();
    const onDisk = files().reduce((sum, name) => sum + statSync(join(folder, machine, name)).size, 0);
    assert.ok(onDisk <= 8000, String(onDisk));
    const { from, to } = recording.range();
    assert.equal(to, 2000);
    assert.equal((await readAll(recording)).length, to - from);
    await recordings.close();
    recordings = open(8000);
    assert.deepEqual((await recordings.open(machine)).range(), { from, to });
  });

  it('a tail that a power failure cut off does not put later octets at old times', async () => {
    const before = await recordings.open(machine);
    before.append(text('0123456789'));
    clock.advance(1000);
    before.append(text('abcdefghij'));
    await recordings.close();
    const log = files().find((name) => name.endsWith('.log')) ?? '';
    truncateSync(join(folder, machine, log), 6);
    recordings = open();
    const after = await recordings.open(machine);
    assert.equal(after.range().to, 6);
    clock.advance(60_000);
    after.append(text('after'));
    await recordings.close();
    recordings = open();
    const pieces = await (await recordings.open(machine)).read(0, 100);
    assert.equal(Buffer.concat(pieces.map((piece) => piece.octets)).toString(), '012345after');
    assert.deepEqual(
      pieces.map(({ at, atMs }) => [at, atMs]),
      [
        [0, 1_000_000],
        [6, 1_061_000],
      ],
    );
  });

  it('20 a line that comes and goes for months does not fill the disk with marks', async () => {
    const path = join(folder, machine, 'marks.jsonl');
    mkdirSync(join(folder, machine), { recursive: true });
    const mark = `${JSON.stringify({ at: 0, atMs: 1, is: 'opened', words: 'tcp' })}\n`;
    writeFileSync(path, mark.repeat(9000));
    const recording = await recordings.open(machine);
    recording.mark('closed', 'gone');
    await recording.flush();
    assert.equal(recording.marks().length, 4000);
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 4001);
    assert.equal(recording.marks().at(-1)?.is, 'closed');
  });

  it('marks that cannot be read are left out', async () => {
    (await recordings.open(machine)).mark('boot', 'b-1');
    await recordings.close();
    const file = join(folder, machine, 'marks.jsonl');
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"at":1\n[]\n`);
    recordings = open();
    assert.equal((await recordings.open(machine)).marks().length, 1);
  });

  it('shows an octet only once a killed daemon would keep it: no offset is seen with two octets', async () => {
    const recording = await recordings.open(machine);
    let told = 0;
    recording.subscribe(() => {
      const { to } = recording.range();
      const [file] = files().filter((name) => !name.endsWith('.jsonl'));
      const kept = file === undefined ? 0 : statSync(join(folder, machine, file)).size;
      assert.ok(kept >= to, `${String(to)} are shown, ${String(kept)} are kept`);
      told = to;
    });
    recording.append(text('0123456789'));
    assert.deepEqual([recording.range().to, await recording.read(0, 99)], [0, []]);
    await recording.flush();
    assert.equal(told, 10);
    assert.equal((await readAll(recording)).toString(), '0123456789');
  });

  it('what cannot be written is paused with the reason, seen all the same, and taken up again', async () => {
    const recording = await recordings.open(machine);
    recording.append(text('kept'));
    await recording.flush();
    // Even root cannot make files in what is no folder.
    rmSync(join(folder, machine), { recursive: true });
    writeFileSync(join(folder, machine), 'in the way');
    await recordings.close();
    recordings = open();
    const blocked = await recordings.open(machine);
    blocked.append(text('seen'));
    await blocked.flush();
    assert.match(blocked.pausedBecause() ?? '', /EEXIST|ENOTDIR/);
    assert.equal((await readAll(blocked)).toString(), 'seen');
    rmSync(join(folder, machine));
    clock.advance(5000);
    blocked.append(text(' and kept'));
    await blocked.flush();
    assert.equal(blocked.pausedBecause(), undefined);
    assert.ok(blocked.marks().some((mark) => mark.is === 'resumed'));
    await recordings.close();
    recordings = open();
    assert.equal((await readAll(await recordings.open(machine))).toString(), 'seen and kept');
  });

  it('a machine that goes takes its recording along', async () => {
    (await recordings.open(machine)).append(text('x'));
    await recordings.remove(machine);
    assert.deepEqual(readdirSync(folder), []);
    chmodSync(folder, 0o700);
  });
});
