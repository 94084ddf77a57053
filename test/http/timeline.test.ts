import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { LIFECYCLE, STATES } from '../../server/core/lifecycle.ts';
import type { BootRecord, FarrierEvent } from '../../server/core/event.ts';
import { lifecyclePicture } from '../../server/http/pages/lifecycle-picture.ts';
import { tickStepMs } from '../../server/http/pages/time-axis.ts';
import { bootsOf as viewsOf, historyOf } from '../../server/http/pages/timeline.ts';
import { moment, octetWords, spanWords } from '../../server/http/pages/words.ts';
import { sampleEvent, sampleMachine } from '../support/samples.ts';

const machine = sampleMachine(1).id;
const boot: BootRecord = {
  ...{ id: 'b1', machine, startedMs: 10_000, tokenHash: undefined, plan: 'boots agent@1' },
  ...{ served: undefined, endedMs: undefined, verdict: undefined },
};
const bootsOf = (boots: readonly BootRecord[], events: readonly FarrierEvent[]): ReturnType<typeof viewsOf> =>
  viewsOf(boots, events, (each) => each.verdict);
const event = (id: number, change: Partial<FarrierEvent>): FarrierEvent => ({
  ...sampleEvent('something', { machine, boot: 'b1' }),
  id,
  ...change,
});

describe('the boot timeline', () => {
  it('a transfer begins where it began, and is as long as it took', () => {
    const [view] = bootsOf(
      [boot],
      [
        event(1, { kind: 'dhcp', atMs: 10_000 }),
        event(2, { kind: 'tftp', atMs: 15_000, detail: { durationMs: 2500, octets: 1 << 20, retransmits: 2 } }),
        event(3, { kind: 'agent', atMs: 20_000 }),
      ],
    );
    assert.deepEqual(
      view?.lines.map((line) => [line.offset, line.bar.x, line.bar.width]),
      [
        ['+0 ms', '0.00%', '1.20%'],
        ['+2.50 s', '25.00%', '25.00%'],
        ['+10.0 s', '98.80%', '1.20%'],
      ],
    );
    assert.deepEqual([view.total, view.served, view.retransmits], ['10.0 s', '1.0 MiB', 2]);
  });

  it('a file is its path and its figures; words only where it did not go well', () => {
    const file = (id: number, text: string, detail: FarrierEvent['detail']): FarrierEvent =>
      event(id, { kind: 'tftp', text, detail: { path: 'linux', ...detail } });
    const [view] = bootsOf(
      [boot],
      [
        file(1, 'linux: asked only for the size, 512 octets', { outcome: 'aborted-by-peer', octets: 0, sha256: 'ab' }),
        file(2, 'linux: 512 octets in 3 ms', { outcome: 'done', octets: 512, durationMs: 3, sha256: 'ab' }),
        event(3, { kind: 'dhcp', text: 'DHCP REQUEST → ACK 10.0.0.9' }),
      ],
    );
    assert.deepEqual(
      view?.lines.map((line) => [line.path, line.text, line.octets, line.sha256]),
      [
        ['linux', 'asked only for the size, 512 octets', undefined, undefined],
        ['linux', '', '512 octets', 'ab'],
        [undefined, 'REQUEST → ACK 10.0.0.9', undefined, undefined],
      ],
    );
  });

  it('misses in a row are one line, others stay where they are', () => {
    const miss = (id: number, path: string): FarrierEvent =>
      event(id, { kind: 'tftp', text: `${path}: not here`, detail: { path, outcome: 'absent' } });
    const [view] = bootsOf([boot], [miss(1, 'a'), miss(2, 'b'), event(3, { kind: 'dhcp' }), miss(4, 'c')]);
    assert.deepEqual(
      view?.lines.map((line) => [line.id, line.searched]),
      [
        [1, ['a', 'b']],
        [3, []],
        [4, ['c']],
      ],
    );
  });

  it('a loader that asks for hours fills no page', () => {
    const many = Array.from({ length: 1000 }, (_, n) => event(n, { atMs: 10_000 + n }));
    const [view] = bootsOf([boot], many);
    assert.deepEqual([view?.lines.length, view?.left], [300, 700]);
  });

  it('events of other boots stay there, those of none are history, newest first', () => {
    const events = [event(1, { boot: 'other' }), event(2, { boot: undefined }), event(3, { boot: undefined })];
    assert.equal(bootsOf([boot], events)[0]?.lines.length, 0);
    assert.deepEqual(
      historyOf(events, 10).map((each) => each.id),
      [3, 2],
    );
  });

  it('whatever the figures say, every bar lies on the axis', () => {
    const figure = fc.oneof(fc.integer(), fc.double(), fc.constant(-1), fc.constant('junk'));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1e7 }), figure)), (rows) => {
        const events = rows.map(([at, durationMs], id) => event(id, { atMs: at, detail: { durationMs } }));
        for (const line of bootsOf([boot], events)[0]?.lines ?? []) {
          const [x, width] = [parseFloat(line.bar.x), parseFloat(line.bar.width)];
          assert.ok(x >= 0 && x <= 100 && width >= 1.2 && width <= 100, `${line.bar.x} ${line.bar.width}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('there are at most five ticks for any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1e9 }), (totalMs) => {
        assert.ok(totalMs / tickStepMs(totalMs) <= 4);
      }),
    );
  });
});

describe('words', () => {
  it('octets', () => {
    assert.deepEqual([0, 1023, 1024, 31_457_280, 5e11, 1e13].map(octetWords), [
      '0 octets',
      '1023 octets',
      '1.0 KiB',
      '30.0 MiB',
      '466 GiB',
      '9.1 TiB',
    ]);
  });
  it('spans', () => {
    assert.deepEqual([3.4, 1234, 59_900, 60_000, 185_000, 7_800_000, 172_800_000].map(spanWords), [
      '3 ms',
      '1.23 s',
      '59.9 s',
      '1 min',
      '3 min 5 s',
      '2 h 10 min',
      '2 d',
    ]);
  });
  it('a moment outside of all calendars does not fail', () => {
    assert.deepEqual(moment(1e300), { iso: '1970-01-01T00:00:00.000Z', words: '1970-01-01 00:00:00 UTC' });
    assert.equal(moment(NaN).iso, '1970-01-01T00:00:00.000Z');
  });
});

describe('the picture of the lifecycle', () => {
  const picture = lifecyclePicture();
  it('has each state once, inside, and no two in one place', () => {
    assert.deepEqual(
      picture.boxes.map((box) => box.state),
      STATES,
    );
    for (const a of picture.boxes) {
      assert.ok(a.left > 0 && a.top > 0 && a.left + picture.box.width < picture.width);
      for (const b of picture.boxes)
        if (a !== b)
          assert.ok(
            Math.abs(a.x - b.x) >= picture.box.width || Math.abs(a.y - b.y) >= picture.box.height,
            `${a.state} ${b.state}`,
          );
    }
  });
  it('has every way of the table and no other', () => {
    const drawn = picture.ways.map((way) => `${way.from}>${way.to}${way.isFall ? '!' : ''}`);
    const wanted = STATES.flatMap((from) => {
      const row = LIFECYCLE[from];
      const direct = [...new Set(Object.values(row.on))].map((to) => `${from}>${to}`);
      return row.rest ? direct : [...direct, `${from}>${row.falls}!`];
    });
    assert.deepEqual([...drawn].sort(), [...wanted].sort());
  });
  it('every path is a path', () => {
    for (const way of picture.ways)
      assert.match(way.path, /^M[\d.-]+ [\d.-]+ Q([\d.-]+ ?){4}$/, `${way.from} ${way.to}`);
  });
});
