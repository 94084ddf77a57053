import assert from 'node:assert/strict';
import {
  newTransfer,
  step,
  wireBlock,
  type TransferAction,
  type TransferEvent,
  type TransferState,
  type TransferTerms,
} from '../../../server/wire/tftp/transfer.ts';

const plain: TransferTerms = { octets: 1300, blksize: 512, windowsize: 1, oack: false, rollOverTo: 0 };

/** Plays events one after another and answers all that was done, one list an event. */
function play(
  terms: TransferTerms,
  events: readonly TransferEvent[],
): { state: TransferState; did: readonly string[] } {
  let state = newTransfer(terms);
  const did = events.map((event) => {
    const { state: next, actions } = step(state, event);
    state = next;
    return actions.map(words).join(', ');
  });
  return { state, did };
}

function words(action: TransferAction): string {
  switch (action.do) {
    case 'send-oack':
      return 'OACK';
    case 'send':
      return action.count === 1 ? `DATA ${action.first}` : `DATA ${action.first}-${action.first + action.count - 1}`;
    case 'end':
      return action.outcome;
  }
}

const start: TransferEvent = { is: 'start', nowMs: 0 };
const ack = (block: number, nowMs = 1): TransferEvent => ({ is: 'ack', block, nowMs });
const tick = (nowMs: number): TransferEvent => ({ is: 'tick', nowMs });

describe('tftp transfer', () => {
  const cases: readonly (readonly [string, Partial<TransferTerms>, readonly TransferEvent[], readonly string[]])[] = [
    [
      'blocks grow by one, each on the ACK of the one before, the short one ends it (G3)',
      {},
      [start, ack(1), ack(2), ack(3)],
      ['DATA 1', 'DATA 2', 'DATA 3', 'done'],
    ],
    [
      'an exact multiple ends with an empty block (G3)',
      { octets: 1024 },
      [start, ack(1), ack(2), ack(3)],
      ['DATA 1', 'DATA 2', 'DATA 3', 'done'],
    ],
    ['an empty file is one empty block (G3)', { octets: 0 }, [start, ack(1)], ['DATA 1', 'done']],
    [
      'a duplicate ACK is ignored, never answered with DATA (G5)',
      {},
      [start, ack(1), ack(1), ack(1), ack(2)],
      ['DATA 1', 'DATA 2', '', '', 'DATA 3'],
    ],
    [
      'an ACK for a block not yet sent is ignored (G6)',
      {},
      [start, ack(2), ack(3), ack(1)],
      ['DATA 1', '', '', 'DATA 2'],
    ],
    ['an old ACK is ignored', {}, [start, ack(1), ack(2), ack(1), ack(0)], ['DATA 1', 'DATA 2', 'DATA 3', '', '']],
    [
      'ERROR ends the transfer at once and is not answered (G7)',
      {},
      [start, { is: 'error', code: 0, message: 'x' }, ack(1), tick(9e9)],
      ['DATA 1', 'aborted-by-peer', '', ''],
    ],
    ['a closed port ends it', {}, [start, { is: 'port-closed' }, tick(9e9)], ['DATA 1', 'aborted-by-peer', '']],
    ['starting twice starts once', {}, [start, start], ['DATA 1', '']],
    [
      'after the OACK it waits for ACK 0 (H3)',
      { oack: true },
      [start, ack(1), ack(0), ack(1)],
      ['OACK', '', 'DATA 1', 'DATA 2'],
    ],
    ['ACK 0 twice does not start twice (H3)', { oack: true }, [start, ack(0), ack(0)], ['OACK', 'DATA 1', '']],
    [
      'ERROR 8 after the OACK ends it (H3): so does EDK2 that only wants tsize',
      { oack: true },
      [start, { is: 'error', code: 8, message: '' }],
      ['OACK', 'aborted-by-peer'],
    ],
    [
      'a window goes out as one, and is answered by one ACK (H10)',
      { oack: true, windowsize: 2 },
      [start, ack(0), ack(2), ack(3)],
      ['OACK', 'DATA 1-2', 'DATA 3', 'done'],
    ],
    [
      'an ACK inside the window resumes after it (H10)',
      { oack: true, windowsize: 4, octets: 5000 },
      [start, ack(0), ack(2), ack(6)],
      ['OACK', 'DATA 1-4', 'DATA 3-6', 'DATA 7-10'],
    ],
    [
      'the timeout resends the window from the last acknowledged block (H10)',
      { oack: true, windowsize: 4, octets: 5000 },
      [start, ack(0, 10), tick(11), ack(4, 20), tick(4000)],
      ['OACK', 'DATA 1-4', '', 'DATA 5-8', 'DATA 5-8'],
    ],
    [
      'duplicates of the last ACK in a window are ignored too (G5)',
      { oack: true, windowsize: 4, octets: 5000 },
      [start, ack(0), ack(4), ack(4), ack(4)],
      ['OACK', 'DATA 1-4', 'DATA 5-8', '', ''],
    ],
    [
      'a client that never answers gets the first block three times, and 7 s in all (G12)',
      {},
      [start, tick(99), tick(100), tick(1999), tick(2000), tick(6999), tick(7000), tick(9e9)],
      ['DATA 1', '', 'DATA 1', '', 'DATA 1', '', 'gave-up', ''],
    ],
    [
      'nor is the OACK sent more often (G12)',
      { oack: true, windowsize: 16 },
      [start, tick(100), tick(2000), tick(7000)],
      ['OACK', 'OACK', 'OACK', 'gave-up'],
    ],
  ];
  for (const [title, terms, events, want] of cases)
    it(title, () => {
      assert.deepEqual(play({ ...plain, ...terms }, events).did, want);
    });

  it('while copies of a window are under way, an ACK inside it draws new blocks only (G5, H10)', () => {
    const terms = { ...plain, octets: 20_000, oack: true, windowsize: 4 };
    const beginning = [start, ack(0), ack(2), ack(4), ack(5), ack(6), ack(7), ack(11), ack(13)];
    assert.deepEqual(play(terms, beginning).did, [
      'OACK',
      'DATA 1-4',
      'DATA 3-6', // 3 and 4 are out twice now
      'DATA 7-8',
      'DATA 6-9', // 5 came once only, so this is a loss
      'DATA 10', // 6 to 8 are out twice
      'DATA 11',
      'DATA 12-15',
      'DATA 14-17',
    ]);
  });

  it('a block lost for the second time waits for the timer, which goes back (H10)', () => {
    const terms = { ...plain, octets: 20_000, oack: true, windowsize: 4 };
    const { did } = play(terms, [start, ack(0), ack(2), ack(3), tick(5000), tick(5010)]);
    assert.deepEqual(did, ['OACK', 'DATA 1-4', 'DATA 3-6', 'DATA 7', 'DATA 4-7', '']);
  });

  it('block 65535 is followed by 0, or by 1 for a client that wants it so (G4)', () => {
    const numbers = (rollOverTo: 0 | 1): readonly number[] =>
      [1, 65534, 65535, 65536, 65537, 131070, 131071, 131072].map((block) => wireBlock(block, rollOverTo));
    assert.deepEqual(numbers(0), [1, 65534, 65535, 0, 1, 65534, 65535, 0]);
    assert.deepEqual(numbers(1), [1, 65534, 65535, 1, 2, 65535, 1, 2]);
    assert.equal(wireBlock(0, 1), 0, 'nothing acknowledged is 0 in any case');
  });

  for (const rollOverTo of [0, 1] as const)
    it(`a file of three rounds of block numbers passes, rolling over to ${rollOverTo} (G4)`, () => {
      const terms = { octets: 8 * 200_000 + 3, blksize: 8, windowsize: 16, oack: true, rollOverTo };
      let state = step(newTransfer(terms), start).state;
      let result = step(state, ack(0));
      let blocks = 0;
      for (;;) {
        state = result.state;
        const [action] = result.actions;
        if (action?.do !== 'send') break;
        assert.equal(action.first, blocks + 1);
        blocks += action.count;
        assert.deepEqual(
          step(state, ack(wireBlock(action.first - 1, rollOverTo))).actions,
          [],
          'the ACK before is old',
        );
        result = step(state, ack(wireBlock(blocks, rollOverTo)));
      }
      assert.equal(blocks, 200_001);
      assert.equal(state.phase, 'ended');
    });

  it('with roll-over to 1 there is no block 0 after the beginning', () => {
    const terms = { ...plain, rollOverTo: 1, octets: 65535 * 8 + 20, blksize: 8, windowsize: 64, oack: true } as const;
    let state = step(step(newTransfer(terms), start).state, ack(0)).state;
    while (state.acked < 65472) state = step(state, ack(wireBlock(state.sent, 1))).state;
    assert.deepEqual(step(state, ack(0)).actions, []);
  });

  it('the timer follows the measured round trip, not a fixed second (G11)', () => {
    const far = play({ ...plain, octets: 99999 }, [start, ack(1, 200), ack(2, 400), ack(3, 600)]).state;
    assert.ok(far.deadlineMs - 600 >= 200 && far.deadlineMs - 600 < 700, String(far.deadlineMs));
    const near = play({ ...plain, octets: 99999 }, [start, ack(1, 0.2), ack(2, 0.4), ack(3, 0.6)]).state;
    assert.ok(
      near.deadlineMs - 0.6 >= 20 && near.deadlineMs - 0.6 < 25,
      'a floor keeps hiccups from being taken for loss',
    );
  });

  it('the timer doubles with each silence up to 4 s, and ends within 30 s and a bit (G11)', () => {
    let state = play({ ...plain, octets: 99999 }, [start, ack(1, 1)]).state;
    const sentAt: number[] = [];
    let nowMs: number;
    for (;;) {
      nowMs = state.deadlineMs;
      const next = step(state, tick(nowMs));
      state = next.state;
      if (next.actions[0]?.do !== 'send') break;
      sentAt.push(nowMs);
    }
    const gaps = sentAt.slice(1).map((atMs, i) => atMs - (sentAt[i] ?? 0));
    for (const [i, gap] of gaps.slice(1).entries()) assert.equal(gap, Math.min(4000, (gaps[i] ?? 0) * 2));
    assert.equal(state.phase, 'ended');
    assert.ok(nowMs <= 35_000 && sentAt.length <= 16, `${sentAt.length} sends in ${nowMs} ms`);
  });

  it('a client whose first packet was sent twice is waited for by the time its answer took, not for a second', () => {
    const waitAfter = (answerMs: number): number => {
      const beginning = [start, tick(100), ...(answerMs > 2000 ? [tick(2000)] : [])];
      const { state } = play({ ...plain, octets: 99999, oack: true }, [...beginning, ack(0, answerMs)]);
      assert.equal(state.roundTripMs, undefined, 'which copy was answered is not known');
      return state.deadlineMs - answerMs;
    };
    assert.deepEqual([waitAfter(101), waitAfter(400), waitAfter(5000)], [151.5, 600, 1000]);
  });

  it('a window sent twice does not time the round trip (Karn)', () => {
    const before = play({ ...plain, octets: 99999 }, [start, ack(1, 10), tick(3000)]).state;
    const after = step(before, ack(2, 3001)).state;
    assert.equal(after.roundTripMs, before.roundTripMs);
    assert.equal(after.timeouts, 0, 'but it is progress');
  });

  it('what was sent again is counted', () => {
    const terms = { ...plain, octets: 5000, oack: true, windowsize: 4 };
    assert.equal(play(terms, [start, ack(0), ack(2)]).state.retransmits, 2);
    assert.equal(play(terms, [start, ack(0), tick(5000)]).state.retransmits, 4);
    assert.equal(play(terms, [start, ack(0), ack(4), ack(8)]).state.retransmits, 0);
  });

  it('one dead request of 16 octets draws less than 100 octets per octet (amplification)', () => {
    const { did } = play({ ...plain, octets: 1e6 }, [start, ...Array.from({ length: 5000 }, (_, i) => tick(i * 10))]);
    const sent = did.filter((each) => each.startsWith('DATA')).length;
    assert.equal(sent, 3);
    assert.ok((sent * (512 + 4)) / 16 <= 100);
  });
});
