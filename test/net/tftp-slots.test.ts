import assert from 'node:assert/strict';
import { LossMemory } from '../../server/net/tftp-loss-memory.ts';
import { TransferSlots, type Slot, type SlotAnswer, type SlotTransfer } from '../../server/net/tftp-slots.ts';
import { ip } from './tftp-support.ts';

const asked = (peer: string, port: number, path = 'x') => ({ local: ip('10.0.0.1'), peer: ip(peer), port, path });

function taken(answer: SlotAnswer): Slot {
  assert.ok(answer.is === 'taken', answer.is);
  return answer.slot;
}

class FakeTransfer implements SlotTransfer {
  heard = false;
  isLively = true;
  stopped: string | undefined;
  stop(outcome: string, because: string): void {
    this.stopped = `${outcome}: ${because}`;
  }
}

describe('tftp slots', () => {
  it('places are given up to the limits, in all and per address', () => {
    const slots = new TransferSlots(4, 2);
    const run = (slot: Slot): void => {
      slot.run(Object.assign(new FakeTransfer(), { heard: true }));
    };
    for (const [peer, port] of [
      ['10.0.0.2', 1],
      ['10.0.0.2', 2],
      ['10.0.0.3', 1],
      ['10.0.0.4', 1],
    ] as const)
      run(taken(slots.take(asked(peer, port))));
    assert.equal(slots.take(asked('10.0.0.2', 3)).is, 'busy');
    assert.equal(slots.take(asked('10.0.0.5', 1)).is, 'busy');
    slots.all()[0]?.free();
    assert.equal(slots.take(asked('10.0.0.5', 1)).is, 'taken');
    assert.equal(slots.taken, 4);
  });

  it('the oldest unanswered one makes room; with its address full, one of the same address', () => {
    const slots = new TransferSlots(3, 2);
    const transfers = [
      ['10.0.0.3', 1],
      ['10.0.0.2', 1],
      ['10.0.0.2', 2],
    ].map(([peer, port]) => {
      const transfer = new FakeTransfer();
      taken(slots.take(asked(String(peer), Number(port)))).run(transfer);
      return transfer;
    });
    assert.ok(slots.take(asked('10.0.0.2', 3)).is === 'taken');
    assert.deepEqual(
      transfers.map((each) => each.stopped !== undefined),
      [false, true, false],
    );
    const answer = slots.take(asked('10.0.0.9', 1));
    assert.ok(answer.is === 'taken' && answer.crowdedOut);
    assert.deepEqual(
      transfers.map((each) => each.stopped !== undefined),
      [true, true, false],
    );
    assert.equal(slots.taken, 3);
  });

  it('a copy of a request is a copy while the transfer is lively, and a new start after that', () => {
    const slots = new TransferSlots(4, 4);
    const transfer = new FakeTransfer();
    const slot = taken(slots.take(asked('10.0.0.2', 7)));
    assert.equal(slots.take(asked('10.0.0.2', 7)).is, 'repeated', 'also while the file is being opened');
    slot.run(transfer);
    assert.equal(slots.take(asked('10.0.0.2', 7)).is, 'repeated');
    transfer.isLively = false;
    assert.equal(slots.take(asked('10.0.0.2', 7)).is, 'taken');
    assert.equal(transfer.stopped, 'aborted-by-peer: the client asked anew');
    slot.free();
    assert.equal(slots.taken, 1, 'the old one cannot free the place of the new one');
  });

  it('a place may be given up twice', () => {
    const slots = new TransferSlots(1, 1);
    const slot = taken(slots.take(asked('10.0.0.2', 1)));
    slot.stop('the server stops');
    slot.free();
    assert.deepEqual([slots.taken, slot.isStopped], [0, 'the server stops']);
    assert.equal(slots.take(asked('10.0.0.2', 1)).is, 'taken');
  });
});

describe('tftp loss memory', () => {
  const peer = ip('10.0.0.2');
  const report = (retransmits: number) =>
    ({ outcome: 'done', octetsSent: 100_000, durationMs: 1, retransmits, words: '' }) as const;
  const terms = (windowsize: number) => ({ blksize: 1000, windowsize, oack: undefined });

  it('a board that loses gets half the window next time, a clean transfer gives it back (H11)', () => {
    const losses = new LossMemory();
    const note = (windowsize: number, retransmits: number): number => {
      losses.note(peer, terms(windowsize), report(retransmits));
      return losses.windowsizeMax(peer, 16);
    };
    assert.deepEqual([note(16, 50), note(8, 50), note(4, 0), note(8, 0)], [8, 4, 8, 16]);
    assert.equal(losses.windowsizeMax(ip('10.0.0.3'), 16), 16, 'others are not concerned');
  });

  it('a few lost blocks, and losses without a window, change nothing', () => {
    const losses = new LossMemory();
    losses.note(peer, terms(16), report(2));
    losses.note(peer, terms(1), report(50));
    losses.note(peer, terms(4), report(0));
    assert.equal(losses.windowsizeMax(peer, 16), 16);
  });

  it('a window never falls below one block', () => {
    const losses = new LossMemory();
    for (const windowsize of [2, 1, 1]) losses.note(peer, terms(windowsize), report(50));
    assert.ok(losses.windowsizeMax(peer, 16) >= 1);
  });

  it('remembers a bounded number of boards', () => {
    const losses = new LossMemory();
    for (let i = 0; i < 5000; i += 1) losses.note(ip(`10.1.${i >> 8}.${i & 255}`), terms(16), report(50));
    assert.equal(losses.windowsizeMax(ip('10.1.0.0'), 16), 16, 'the first is forgotten');
    assert.equal(losses.windowsizeMax(ip('10.1.19.135'), 16), 8, 'the last is not');
  });
});
