import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { createBmcSol, type SolHolder } from '../../../lab/bmc-sol.ts';
import { u32le } from '../../../server/wire/ipmi/octets.ts';
import {
  activateSolRequest,
  decodeSol,
  encodeSol,
  PAYLOAD_COMMAND,
  SOL_OPERATION,
  SOL_STATUS,
  type SolPacket,
} from '../../../server/wire/ipmi/sol.ts';
import { beginSol, solDueMs, stepSol, type SolAction, type SolState } from '../../../server/wire/ipmi/sol-line.ts';
import { createBoardSerial } from '../../support/board-serial.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { BMC_ID, consoleSession, createBmcEnd, type BmcEnd, type ReadOfBmc } from '../../support/sol-pair.ts';

const latin = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** A line whose owner writes down what it is told, and its BMC's end in the test's hand. */
class Rig {
  readonly bmc: BmcEnd = createBmcEnd();
  readonly sent: ReadOfBmc[] = [];
  readonly refused: string[] = [];
  heard = '';
  taken = 0;
  ended: string | undefined;
  nowMs = 0;
  state: SolState;

  constructor(toBmcOctets = 200, ackOfNoneIsAll = false) {
    this.state = beginSol(consoleSession, toBmcOctets, 0, ackOfNoneIsAll);
    this.tick();
    this.sent.length = 0;
  }

  #obey({ state, actions }: { readonly state: SolState; readonly actions: readonly SolAction[] }): void {
    this.state = state;
    for (const action of actions) {
      if (action.do === 'send') {
        const read = this.bmc.read(action.datagram);
        assert.ok(read, 'the BMC can read what is sent');
        this.sent.push(read);
      } else if (action.do === 'hear') this.heard += Buffer.from(action.octets).toString('latin1');
      else if (action.do === 'taken') this.taken += 1;
      else if (action.do === 'refused') this.refused.push(action.because);
      else this.ended = action.because;
    }
  }

  tick(): void {
    this.#obey(stepSol(this.state, { is: 'tick', nowMs: this.nowMs }));
  }
  arrives(octets: Uint8Array): void {
    this.#obey(stepSol(this.state, { is: 'datagram', octets, nowMs: this.nowMs }));
  }
  says(packet: Partial<SolPacket>): void {
    this.arrives(this.bmc.say(packet));
  }
  types(text: string): void {
    this.#obey(stepSol(this.state, { is: 'send', item: { is: 'keys', octets: latin(text) }, nowMs: this.nowMs }));
  }
  breaks(): void {
    this.#obey(stepSol(this.state, { is: 'send', item: { is: 'break' }, nowMs: this.nowMs }));
  }
  does(is: 'listen' | 'close'): void {
    this.#obey(stepSol(this.state, { is, nowMs: this.nowMs }));
  }
  /** Lets time pass up to a moment, ticking whenever that is wanted. */
  until(ms: number): void {
    for (let dueMs = solDueMs(this.state); dueMs !== undefined && dueMs <= ms; dueMs = solDueMs(this.state)) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.tick();
    }
    this.nowMs = ms;
  }
  /** SOL packets since the last asking, that carry something or acknowledge. */
  packets(): readonly SolPacket[] {
    return this.sent.splice(0).flatMap((each) => (each.is === 'sol' ? [each.packet] : []));
  }
  commands(): readonly Extract<ReadOfBmc, { is: 'command' }>[] {
    return this.sent.splice(0).flatMap((each) => (each.is === 'command' ? [each] : []));
  }
}

const text = (packet: SolPacket | undefined): string => Buffer.from(packet?.octets ?? []).toString('latin1');

describe('a serial line over LAN: from the board', () => {
  it('gives on what comes and acknowledges it', () => {
    const rig = new Rig();
    rig.says({ sequence: 1, octets: latin('abc') });
    rig.says({ sequence: 2, octets: latin('de') });
    assert.equal(rig.heard, 'abcde');
    const acks = rig
      .packets()
      .map(({ sequence, ackSequence, accepted, flags }) => [sequence, ackSequence, accepted, flags]);
    assert.deepEqual(acks, [
      [0, 1, 3, 0],
      [0, 2, 2, 0],
    ]);
  });

  it('a packet sent again is acknowledged again and not heard twice; its surplus is new', () => {
    const rig = new Rig();
    rig.says({ sequence: 1, octets: latin('abc') });
    rig.says({ sequence: 1, octets: latin('abc') });
    rig.says({ sequence: 1, octets: latin('abcdef') });
    rig.says({ sequence: 1, octets: latin('ab') });
    assert.equal(rig.heard, 'abcdef');
    assert.deepEqual(
      rig.packets().map(({ accepted }) => accepted),
      [3, 3, 6, 2],
    );
  });

  it('one that overtook a later one is not heard again', () => {
    const rig = new Rig();
    const late = rig.bmc.say({ sequence: 1, octets: latin('abc') });
    rig.says({ sequence: 1, octets: latin('abc') });
    rig.says({ sequence: 2, octets: latin('de') });
    rig.arrives(late);
    assert.equal(rig.heard, 'abcde');
  });

  it('more than an octet can count is taken in part: the BMC sends the rest again', () => {
    const rig = new Rig();
    rig.says({ sequence: 1, octets: new Uint8Array(400).fill(65) });
    assert.equal(rig.heard.length, 255);
    assert.equal(rig.packets()[0]?.accepted, 255);
  });

  it('a flood before anybody listens is bounded: what has no room is not acknowledged and comes later', () => {
    const rig = new Rig();
    const full = new Uint8Array(255).fill(66);
    for (let at = 0; at < 258; at += 1) rig.says({ sequence: (at % 15) + 1, octets: full });
    assert.equal(rig.heard.length, 255 * 257, 'under 64 KiB');
    assert.equal(rig.packets().length, 257);
    rig.does('listen');
    rig.says({ sequence: (257 % 15) + 1, octets: full });
    assert.equal(rig.heard.length, 255 * 258);
  });

  it('replayed, forged and cut datagrams are nothing', () => {
    const rig = new Rig();
    const good = rig.bmc.say({ sequence: 1, octets: latin('abc') });
    rig.arrives(good);
    rig.packets();
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        rig.arrives(good);
        rig.arrives(good.subarray(0, at));
        rig.arrives(good.map((octet, place) => (place === at ? octet ^ change : octet)));
      }),
      { numRuns: 60 },
    );
    assert.equal(rig.heard, 'abc');
    assert.deepEqual(rig.packets(), []);
    assert.equal(rig.ended, undefined);
  });
});

describe('a serial line over LAN: to the board', () => {
  it('sends one packet at a time, the next when it is acknowledged', () => {
    const rig = new Rig(20);
    rig.types('0123456789abcdefXYZ');
    rig.types('later');
    const [first, ...others] = rig.packets();
    assert.deepEqual([text(first), others.length], ['0123456789abcdef', 0], '20 octets less the header');
    rig.says({ ackSequence: 1, accepted: 16 });
    assert.equal(rig.taken, 0);
    const [second] = rig.packets();
    assert.deepEqual([second?.sequence, text(second)], [2, 'XYZ']);
    rig.says({ ackSequence: 2, accepted: 3 });
    assert.equal(rig.taken, 1);
    assert.equal(text(rig.packets()[0]), 'later');
  });

  it('what was not accepted goes into a new packet', () => {
    const rig = new Rig();
    rig.types('abcdef');
    rig.packets();
    rig.says({ ackSequence: 1, accepted: 2 });
    const [rest] = rig.packets();
    assert.deepEqual([rest?.sequence, text(rest)], [2, 'cdef']);
    rig.says({ ackSequence: 2, accepted: 200 });
    assert.equal(rig.taken, 1, 'an acknowledgement of more than was sent counts as all');
  });

  it('an acknowledgement of none: asked again after a rest, or all where the BMC is known not to count', () => {
    const rig = new Rig();
    rig.types('abc');
    rig.packets();
    rig.says({ ackSequence: 1 });
    assert.deepEqual([rig.packets().length, rig.taken], [0, 0]);
    rig.until(250);
    assert.equal(text(rig.packets()[0]), 'abc');
    const quirky = new Rig(200, true);
    quirky.types('abc');
    quirky.says({ ackSequence: 1 });
    assert.equal(quirky.taken, 1);
    quirky.types('d');
    quirky.says({ ackSequence: 2, flags: SOL_STATUS.nack });
    assert.equal(quirky.taken, 1, 'a refusal is one for it too');
  });

  it('refused: rests, tries again, and tells the writer after 30 s; the line lives on', () => {
    const rig = new Rig();
    rig.types('abc');
    rig.packets();
    rig.says({ ackSequence: 1, accepted: 0, flags: SOL_STATUS.nack | SOL_STATUS.unavailable });
    assert.deepEqual(rig.packets(), [], 'not at once');
    for (let ms = 250; ms <= 31_000; ms += 250) {
      rig.until(ms);
      for (const { sequence } of rig.packets())
        if (sequence !== 0) rig.says({ ackSequence: sequence, flags: SOL_STATUS.nack });
    }
    assert.deepEqual(rig.refused, ['the line has taken no characters for 30 s: no power, or flow control']);
    assert.equal(rig.ended, undefined);
    rig.types('x');
    assert.equal(text(rig.packets().at(-1)), 'x', 'what was refused is not sent later');
  });

  it('a break has a packet of its own, in its place among the keys', () => {
    const rig = new Rig();
    rig.types('a');
    rig.breaks();
    rig.says({ ackSequence: 1, accepted: 1 });
    const [, second] = rig.packets();
    assert.deepEqual([second?.flags, second?.octets.length], [SOL_OPERATION.sendBreak, 0]);
    rig.says({ ackSequence: 2, accepted: 0 });
    assert.equal(rig.taken, 2);
  });

  it('an acknowledgement of another packet is none', () => {
    const rig = new Rig();
    rig.types('a');
    rig.says({ ackSequence: 7, accepted: 1 });
    rig.says({ ackSequence: 0, accepted: 1 });
    assert.equal(rig.taken, 0);
  });

  it('never acknowledged: sent again under the same number, then the line ends', () => {
    const rig = new Rig();
    rig.types('a');
    for (let ms = 1000; rig.ended === undefined && ms < 40_000; ms += 1000) {
      rig.says({ sequence: 0 });
      rig.until(ms);
    }
    const sendings = rig.packets();
    assert.equal(sendings.length, 8);
    assert.ok(sendings.every(({ sequence }) => sequence === 1));
    assert.equal(rig.ended, 'the BMC acknowledges no characters any more');
  });

  it('a size that cannot be is not believed', () => {
    for (const size of [0, 4, 65_535]) {
      const rig = new Rig(size);
      rig.types('x'.repeat(100));
      assert.equal(rig.packets()[0]?.octets.length, 64, `granted ${size}`);
    }
  });

  it('more than the queue holds is refused, not kept', () => {
    const rig = new Rig();
    for (let at = 0; at < 65; at += 1) rig.types('x');
    assert.deepEqual(rig.refused, ['more is written than the line takes; wait for each write']);
  });
});

describe('a serial line over LAN: its life', () => {
  const asked = (rig: Rig): Extract<ReadOfBmc, { is: 'command' }> =>
    rig.commands().at(-1) ?? assert.fail('no question');

  it('asks every 10 s who has the line; a silent BMC ends it after 35 s', () => {
    const rig = new Rig();
    rig.until(34_999);
    assert.equal(rig.commands().length, 3);
    assert.equal(rig.ended, undefined);
    rig.until(35_000);
    assert.equal(rig.ended, 'the BMC has been silent for 35 s');
  });

  const owners: readonly (readonly [string, readonly number[], RegExp])[] = [
    ['another', [9, 9, 9, 9], /another session has taken/],
    ['nobody', [0, 0, 0, 0], /was deactivated/],
  ];
  for (const [title, id, words] of owners) {
    it(`ours and then ${title}'s: the line ends and says so`, () => {
      const rig = new Rig();
      rig.until(10_000);
      rig.arrives(rig.bmc.answer(asked(rig), u32le(BMC_ID)));
      rig.until(20_000);
      rig.arrives(rig.bmc.answer(asked(rig), id));
      const goodbye = asked(rig);
      assert.equal(goodbye.request.command, 0x3c, 'the session is closed');
      rig.arrives(rig.bmc.answer(goodbye, []));
      assert.match(rig.ended ?? '', words);
    });

    it(`a BMC that always says ${title}'s is not believed`, () => {
      const rig = new Rig();
      for (let ms = 10_000; ms <= 60_000; ms += 10_000) {
        rig.until(ms);
        rig.arrives(rig.bmc.answer(asked(rig), id));
      }
      assert.equal(rig.ended, undefined);
    });
  }

  it('a BMC that says "deactivated" ends it, with what it carried', () => {
    const rig = new Rig();
    rig.says({ sequence: 1, octets: latin('last words'), flags: SOL_STATUS.deactivated });
    assert.equal(rig.heard, 'last words');
    rig.until(1000);
    assert.match(rig.ended ?? '', /another session took it, or it was switched off/);
  });

  it('closing says goodbye to SOL and to the session, and waits for neither for long', () => {
    const rig = new Rig();
    rig.does('close');
    const first = asked(rig);
    assert.equal(first.request.command, PAYLOAD_COMMAND.deactivate);
    rig.arrives(rig.bmc.answer(first, []));
    rig.arrives(rig.bmc.answer(asked(rig), []));
    assert.equal(rig.ended, 'closed');
    const deaf = new Rig();
    deaf.does('close');
    deaf.types('x');
    assert.deepEqual(deaf.refused, ['the line is closed']);
    deaf.until(1200);
    assert.equal(deaf.ended, 'closed');
  });
});

/** The line against the lab's BMC, over a network that loses, doubles and delays. */
function overNetwork(fates: readonly number[], said: Uint8Array, keys: Uint8Array): void {
  const clock: FakeClock = createFakeClock();
  const bmc = createBmcEnd();
  const board = createBoardSerial();
  const sol = createBmcSol(board, clock, () => 623);
  let state = beginSol(consoleSession, 200, clock.monotonicMs());
  const heard: Uint8Array[] = [];
  let turn = 0;
  const carry = (deliver: () => void): void => {
    const fate = fates.at(turn) ?? 0;
    turn += 1;
    if (fate === 1) return;
    clock.after(fate === 2 ? 120 : 1, deliver);
    if (fate === 3) clock.after(2, deliver);
  };
  const holder: SolHolder = {
    bmcId: BMC_ID,
    send: (payload) => {
      const packet = decodeSol(payload);
      assert.ok(packet.ok);
      const datagram = bmc.say(packet.value);
      carry(() => {
        feed({ is: 'datagram', octets: datagram, nowMs: clock.monotonicMs() });
      });
    },
  };
  const feed = (event: Parameters<typeof stepSol>[1]): void => {
    const step = stepSol(state, event);
    state = step.state;
    for (const action of step.actions) {
      if (action.do === 'hear') heard.push(action.octets);
      if (action.do === 'send')
        carry(() => {
          const read = bmc.read(action.datagram);
          if (read?.is === 'sol') sol.packet(holder, encodeSol(read.packet));
        });
    }
  };
  sol.command(holder, activateSolRequest());
  feed({ is: 'listen', nowMs: 0 });
  board.say(said);
  feed({ is: 'send', item: { is: 'keys', octets: keys }, nowMs: clock.monotonicMs() });
  for (let ms = 0; ms < 9000; ms += 50) {
    clock.advance(50);
    feed({ is: 'tick', nowMs: clock.monotonicMs() });
  }
  assert.deepEqual(Buffer.concat(heard), Buffer.from(said));
  assert.deepEqual(board.told(), Buffer.from(keys));
}

describe('a serial line over LAN, over any network', () => {
  it('loses nothing, doubles nothing and keeps the order, both ways', () => {
    const octets = fc.uint8Array({ maxLength: 600 });
    const fates = fc.array(fc.nat(3), { maxLength: 25 });
    fc.assert(
      fc.property(fates, octets, octets, (network, said, keys) => {
        overNetwork(network, said, keys);
      }),
      { numRuns: 60 },
    );
  });
});
