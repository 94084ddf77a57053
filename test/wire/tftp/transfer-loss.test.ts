import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  newTransfer,
  step,
  wireBlock,
  type TransferEvent,
  type TransferState,
} from '../../../server/wire/tftp/transfer.ts';

/** What the wire does to one datagram: how often it arrives, and how late. */
interface Fate {
  readonly copies: number;
  readonly delayMs: number;
}

interface World {
  readonly octets: number;
  readonly blksize: number;
  readonly windowsize: number;
  readonly oack: boolean;
  /** Taken one after another, over and over, by the datagrams in the order they are sent. */
  readonly fates: readonly Fate[];
}

interface Outcome {
  readonly state: TransferState;
  /** The blocks the client took, in order. */
  readonly taken: readonly number[];
  readonly nowMs: number;
  readonly sends: number;
  /** When the client had it all; nothing when it never did. */
  readonly doneMs: number | undefined;
}

/** Runs server and client on a wire in virtual time. The client is as simple as firmware: no memory for blocks out of order. */
class Simulation {
  #nowMs = 0;
  #state: TransferState;
  #sends = 0;
  #fateAt = 0;
  readonly #taken: number[] = [];
  #inWindow = 0;
  #isClientDone = false;
  #doneMs: number | undefined;
  #clientDeadlineMs = 1000;
  #agenda: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    const { octets, blksize, windowsize, oack } = world;
    this.#state = newTransfer({ octets, blksize, windowsize, oack, rollOverTo: 0 });
  }

  run(): Outcome {
    this.#on({ is: 'start', nowMs: 0 });
    for (let i = 0; i < 200_000 && this.#state.phase !== 'ended'; i += 1) this.#next();
    return { state: this.#state, taken: this.#taken, nowMs: this.#nowMs, sends: this.#sends, doneMs: this.#doneMs };
  }

  #next(): void {
    this.#agenda.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const first = this.#agenda[0];
    const clientMs = this.#isClientDone ? Infinity : this.#clientDeadlineMs;
    const atMs = Math.min(first?.atMs ?? Infinity, this.#state.deadlineMs, clientMs);
    this.#nowMs = Math.max(this.#nowMs, atMs);
    if (first?.atMs === atMs) {
      this.#agenda.shift();
      first.run();
    } else if (clientMs === atMs) this.#acknowledge();
    else this.#on({ is: 'tick', nowMs: atMs });
  }

  #on(event: TransferEvent): void {
    const { state, actions } = step(this.#state, event);
    this.#state = state;
    for (const action of actions) {
      if (action.do === 'send-oack')
        this.#carry(() => {
          this.#acknowledge();
        });
      if (action.do === 'send')
        for (let i = 0; i < action.count; i += 1)
          this.#carry(() => {
            this.#take(action.first + i);
          });
    }
  }

  #carry(run: () => void): void {
    this.#sends += 1;
    const { fates } = this.#world;
    const fate = fates[this.#fateAt % fates.length] ?? { copies: 1, delayMs: 0 };
    this.#fateAt += 1;
    for (let i = 0; i < fate.copies; i += 1)
      this.#agenda.push({ atMs: this.#nowMs + 1 + fate.delayMs, order: (this.#order += 1), run });
  }

  #take(block: number): void {
    if (this.#isClientDone) return;
    if (wireBlock(block, 0) !== wireBlock(this.#taken.length + 1, 0)) {
      this.#acknowledge();
      return;
    }
    this.#taken.push(block);
    this.#inWindow += 1;
    const isLast = block === this.#state.blocks;
    if (isLast || this.#inWindow >= this.#world.windowsize) this.#acknowledge();
    else this.#clientDeadlineMs = this.#nowMs + 1000;
    this.#isClientDone = isLast;
    if (isLast) this.#doneMs = this.#nowMs;
  }

  #acknowledge(): void {
    this.#inWindow = 0;
    this.#clientDeadlineMs = this.#nowMs + 1000;
    const block = wireBlock(this.#taken.length, 0);
    this.#carry(() => {
      this.#on({ is: 'ack', block, nowMs: this.#nowMs });
    });
  }
}

const fate = fc.record({
  copies: fc.constantFrom(0, 1, 1, 1, 1, 2, 3),
  delayMs: fc.constantFrom(0, 0, 0, 0, 3, 40, 700),
});
const world = fc.record({
  octets: fc.integer({ min: 0, max: 400 }),
  blksize: fc.constantFrom(8, 13, 64),
  windowsize: fc.constantFrom(1, 1, 2, 4, 16),
  oack: fc.boolean(),
  fates: fc.array(fate, { minLength: 1, maxLength: 40 }),
});

describe('tftp transfer on a bad wire', () => {
  it('any loss, doubling and reordering completes with equal blocks or gives up in bounded time', () => {
    let [done, gaveUp] = [0, 0];
    fc.assert(
      fc.property(world, (given) => {
        const plainWorld = given.oack ? given : { ...given, windowsize: 1 };
        const { state, taken, nowMs, sends } = new Simulation(plainWorld).run();
        assert.equal(state.phase, 'ended', `not ended after ${nowMs} ms`);
        assert.deepEqual(
          taken,
          Array.from(taken, (_, i) => i + 1),
          'what was taken is the beginning of the file',
        );
        // The worst wire lets one block through just before the patience ends, again and again.
        assert.ok(nowMs < 36_000 * (state.blocks + 1), `${nowMs} ms for ${state.blocks} blocks`);
        assert.ok(sends < 40 * plainWorld.windowsize * (state.blocks + 2), `${sends} datagrams`);
        if (state.acked === state.blocks) {
          assert.equal(taken.length, state.blocks);
          done += 1;
        } else gaveUp += 1;
      }),
      { numRuns: 400 },
    );
    assert.ok(done > 100 && gaveUp > 0, `${done} done, ${gaveUp} gave up: the wire must be bad, but not dead`);
  });

  it("a wire that only doubles everything does not double the traffic for ever (sorcerer's apprentice, G5)", () => {
    const doubling = { octets: 8000, blksize: 8, windowsize: 1, oack: true, fates: [{ copies: 2, delayMs: 0 }] };
    const { state, sends } = new Simulation(doubling).run();
    assert.equal(state.acked, state.blocks);
    assert.equal(state.retransmits, 0);
    // A block each from the server; the client acknowledges both copies.
    assert.ok(sends <= 1 + 2 + 1001 + 2 * 1001, String(sends));
  });

  it('a client that acknowledges each double inside a window cannot make it grow either', () => {
    for (const windowsize of [4, 16]) {
      const doubling = { octets: 8000, blksize: 8, windowsize, oack: true, fates: [{ copies: 2, delayMs: 0 }] };
      const { state } = new Simulation(doubling).run();
      assert.equal(state.acked, state.blocks);
      assert.ok(state.retransmits < windowsize * state.blocks, `window ${windowsize}: ${state.retransmits}`);
    }
  });

  it('clients of 32 KiB each, 1 datagram in 100 lost: 99 of 100 are done within 0.3 s (virtual time)', () => {
    let seed = 20260101;
    const isLost = (): boolean => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 16) % 100 === 0;
    };
    const tookMs = Array.from({ length: 1000 }, () => {
      const fates = Array.from({ length: 200 }, () => ({ copies: isLost() ? 0 : 1, delayMs: 0 }));
      const { state, doneMs } = new Simulation({
        octets: 32_768,
        blksize: 1468,
        windowsize: 1,
        oack: true,
        fates,
      }).run();
      assert.equal(state.phase, 'ended');
      return doneMs ?? Infinity;
    }).sort((a, b) => a - b);
    assert.ok((tookMs[989] ?? Infinity) <= 300, `p99 ${String(tookMs[989])} ms`);
    assert.ok(Number.isFinite(tookMs[999]), 'none is lost');
  });

  it('1 loss in 50 costs some tens of milliseconds, not a second', () => {
    const fates = Array.from({ length: 50 }, (_, i) => ({ copies: i === 37 ? 0 : 1, delayMs: 0 }));
    const { state, nowMs } = new Simulation({ octets: 8000, blksize: 8, windowsize: 1, oack: false, fates }).run();
    assert.equal(state.acked, state.blocks);
    assert.ok(nowMs < 2002 + 45 * 60, `${nowMs} ms for 1001 blocks at 2 ms and 41 losses`);
  });
});
