import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { createBmcChassis } from '../../../lab/bmc-chassis.ts';
import { createBmcSessions } from '../../../lab/bmc-sessions.ts';
import { chassisControlRequest, chassisStatusRequest, readChassisStatus } from '../../../server/wire/ipmi/commands.ts';
import type {
  ExchangeAction,
  ExchangeOrder,
  ExchangeOutcome,
  ExchangeRequest,
} from '../../../server/wire/ipmi/exchange-state.ts';
import { beginExchange, stepExchange } from '../../../server/wire/ipmi/exchange.ts';
import {
  decodeRequest,
  encodeResponse,
  type IpmiRequest,
  type IpmiResponse,
} from '../../../server/wire/ipmi/message.ts';
import { latin1 } from '../../../server/wire/ipmi/octets.ts';
import { PRIVILEGE } from '../../../server/wire/ipmi/open-session.ts';
import { decodeRmcp, encodeRmcp, RMCP_CLASS } from '../../../server/wire/ipmi/rmcp.ts';
import { decodeV15, encodeV15, isRmcpPlus, PAYLOAD } from '../../../server/wire/ipmi/session-header.ts';
import { SUITES, type CipherSuite } from '../../../server/wire/ipmi/suite.ts';
import { realCrypto } from '../../support/ipmi-crypto.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const RESEND_MS = [500, 1000, 2000, 4000];

interface Bmc {
  readonly deeds: string[];
  answer(datagram: Uint8Array): Uint8Array | undefined;
  sessions(): number;
}

/** The lab's BMC without its socket. */
function bmcOf(change: { kg?: string; suites?: readonly CipherSuite[]; password?: string } = {}): Bmc {
  const { kg, suites = SUITES, password = 'right' } = change;
  const clock = createFakeClock();
  const deeds: string[] = [];
  let on = false;
  const turn = (want: boolean): void => {
    on = want;
    deeds.push(want ? 'on' : 'off');
  };
  const power = { isOn: () => on, turn, reset: () => void deeds.push('reset') };
  const chassis = createBmcChassis(power, clock, { needsKg: kg !== undefined, suites });
  const sessions = createBmcSessions({
    crypto: realCrypto,
    clock,
    user: 'admin',
    password,
    kg,
    suites,
    sol: undefined,
  });
  return {
    deeds,
    sessions: () => sessions.count(),
    answer: (datagram) => {
      const rmcp = decodeRmcp(datagram);
      if (!rmcp.ok) return undefined;
      if (isRmcpPlus(rmcp.value.body)) {
        const act = (request: IpmiRequest): IpmiResponse => chassis.answer(request);
        return sessions.answer(datagram, act, () => undefined);
      }
      const message = decodeV15(rmcp.value.body);
      const request = message.ok ? decodeRequest(message.value) : message;
      if (!request.ok) return undefined;
      const reply = encodeResponse(chassis.answer(request.value.request), request.value.sequence);
      return encodeRmcp(RMCP_CLASS.ipmi, encodeV15(reply));
    },
  };
}

function orderOf(requests: readonly ExchangeRequest[], change: Partial<ExchangeOrder> = {}): ExchangeOrder {
  return {
    crypto: realCrypto,
    user: latin1('admin'),
    password: latin1('right'),
    kg: undefined,
    suites: SUITES,
    privilege: PRIVILEGE.operator,
    requests,
    resendMs: RESEND_MS,
    ...change,
  };
}

/** What happens to each datagram on the way, by turns, in either direction. */
type Fate = 'arrives' | 'lost' | 'twice' | 'late' | 'garbled';

interface Run {
  readonly outcome: ExchangeOutcome | undefined;
  readonly sent: number;
  readonly tookMs: number;
}

/** Lets an exchange run against a BMC over a network with these fates; afterwards everything arrives. */
function runOver(bmc: Bmc, order: ExchangeOrder, fates: readonly Fate[] = []): Run {
  let state = beginExchange(order);
  let outcome: ExchangeOutcome | undefined;
  let [nowMs, sent, turn] = [0, 0, 0];
  const held: Uint8Array[] = [];
  const inbox: Uint8Array[] = [];
  const carry = (datagram: Uint8Array): readonly Uint8Array[] => {
    const fate = fates[turn] ?? 'arrives';
    turn += 1;
    switch (fate) {
      case 'arrives':
        return [datagram, ...held.splice(0)];
      case 'lost':
        return [];
      case 'twice':
        return [datagram, datagram];
      case 'late':
        held.push(datagram);
        return [];
      case 'garbled':
        // Only a session's packets carry an AuthCode; before it UDP's checksum is all there is, and drops them.
        if (((datagram[5] ?? 0) & 0xc0) !== 0xc0) return [];
        return [datagram.map((octet, at) => (at === datagram.length - 3 ? octet ^ 0x55 : octet))];
    }
  };
  const isReply = (octets: Uint8Array): boolean => octets.length > 0;
  const obey = (actions: readonly ExchangeAction[]): void => {
    for (const action of actions) {
      if (action.do === 'end') outcome = action.outcome;
      else {
        sent += 1;
        for (const there of carry(action.datagram)) {
          const reply = bmc.answer(there);
          if (reply) inbox.push(...carry(reply).filter(isReply));
        }
      }
    }
  };
  const feed = (event: Parameters<typeof stepExchange>[1]): void => {
    const step = stepExchange(state, event);
    state = step.state;
    obey(step.actions);
  };
  feed({ is: 'start', nowMs });
  while (!outcome && (inbox.length > 0 || state.dueMs !== undefined)) {
    const octets = inbox.shift();
    if (octets) feed({ is: 'datagram', octets, nowMs });
    else {
      nowMs = state.dueMs ?? nowMs;
      feed({ is: 'tick', nowMs });
    }
  }
  return { outcome, sent, tookMs: nowMs };
}

const status: ExchangeRequest = { request: chassisStatusRequest() };
const on: ExchangeRequest = { request: chassisControlRequest('on') };

function troubleOf(run: Run): string {
  return run.outcome?.is === 'failed' ? run.outcome.trouble.code : (run.outcome?.is ?? 'none');
}

describe('an IPMI exchange', () => {
  for (const suite of SUITES)
    it(`does its commands in one session of cipher suite ${suite.id} and says goodbye`, () => {
      const bmc = bmcOf({ suites: [suite] });
      const run = runOver(bmc, orderOf([status, on, status]));
      assert.ok(run.outcome?.is === 'answered');
      const states = run.outcome.answers.map((answer) => readChassisStatus(answer.data));
      assert.equal(run.outcome.answers.length, 3);
      assert.deepEqual([states[0]?.ok && states[0].value.on, states[2]?.ok && states[2].value.on], [false, true]);
      assert.deepEqual(bmc.deeds, ['on']);
      assert.equal(bmc.sessions(), 0);
      assert.equal(run.tookMs, 0, 'no waiting where nothing is lost');
    });

  it('a question needs no raising of the privilege: six round trips', () => {
    const asked = runOver(bmcOf({ suites: SUITES }), orderOf([status], { privilege: PRIVILEGE.user }));
    assert.equal(asked.sent, 6);
    assert.equal(runOver(bmcOf(), orderOf([status])).sent, 7);
  });

  it('nobody there: unreachable after all patience, and no sooner', () => {
    const run = runOver({ ...bmcOf(), answer: () => undefined }, orderOf([status]));
    assert.equal(troubleOf(run), 'unreachable');
    assert.deepEqual([run.sent, run.tookMs], [4, 7500]);
  });

  it('silent after the handshake: timeout, which says where', () => {
    const bmc = bmcOf();
    let answers = 0;
    const run = runOver(
      { ...bmc, answer: (octets) => (answers++ < 4 ? bmc.answer(octets) : undefined) },
      orderOf([on]),
    );
    assert.equal(troubleOf(run), 'timeout');
    assert.match(run.outcome?.is === 'failed' ? run.outcome.trouble.because : '', /commanding/);
  });

  it('what may be felt is sent once and waited for with all patience', () => {
    const bmc = bmcOf();
    const answer = (octets: Uint8Array): Uint8Array | undefined => {
      const before = bmc.deeds.length;
      const reply = bmc.answer(octets);
      return bmc.deeds.length > before ? undefined : reply;
    };
    const reset: ExchangeRequest = { request: chassisControlRequest('reset'), once: true };
    const run = runOver({ ...bmc, answer }, orderOf([{ ...on, once: true }, reset]));
    assert.equal(troubleOf(run), 'timeout');
    assert.deepEqual(bmc.deeds, ['on']);
    assert.equal(run.tookMs, 7500);
  });

  const refusals: readonly (readonly [string, Parameters<typeof bmcOf>[0], Partial<ExchangeOrder>, string])[] = [
    ['a wrong password', {}, { password: latin1('wrong') }, 'auth'],
    ['an unknown user', {}, { user: latin1('nobody') }, 'auth'],
    ['a K_g that is missing', { kg: 'key' }, {}, 'config'],
    ['a K_g that is wrong', { kg: 'key' }, { kg: latin1('other') }, 'auth'],
    ['a K_g where there is none', {}, { kg: latin1('key') }, 'auth'],
    ['no suite in common', { suites: SUITES.slice(0, 1) }, { suites: SUITES.slice(1) }, 'config'],
  ];
  for (const [title, site, change, want] of refusals)
    it(`${title} is ${want}, at once`, () => {
      const run = runOver(bmcOf(site), orderOf([status], change));
      assert.equal(troubleOf(run), want);
      assert.equal(run.tookMs, 0);
    });

  it('a wrong password is found out from the BMC’s own proof: nothing is sent that a lock-out could count', () => {
    const told: number[] = [];
    const bmc = bmcOf();
    const answer = (octets: Uint8Array): Uint8Array | undefined => {
      told.push((octets[5] ?? 0) & 63);
      return bmc.answer(octets);
    };
    const run = runOver({ ...bmc, answer }, orderOf([status], { suites: SUITES, password: latin1('wrong') }));
    assert.equal(troubleOf(run), 'auth');
    assert.deepEqual(told.slice(1), [PAYLOAD.openRequest, PAYLOAD.rakp1], 'no RAKP 3');
  });

  it('a command that is refused ends the session in order', () => {
    const bmc = bmcOf();
    const run = runOver(bmc, orderOf([{ request: chassisControlRequest('reset') }]));
    assert.equal(troubleOf(run), 'refused', 'it is off');
    assert.equal(bmc.sessions(), 0);
  });

  it('a refused command that was optional is an answer', () => {
    const reset: ExchangeRequest = { request: chassisControlRequest('reset'), optional: true };
    const run = runOver(bmcOf(), orderOf([reset, status]));
    assert.ok(run.outcome?.is === 'answered');
    assert.equal(run.outcome.answers[0]?.completion, 0xd5);
  });

  it('a BMC that consents to another suite than was proposed is not followed', () => {
    const bmc = bmcOf();
    const answer = (octets: Uint8Array): Uint8Array | undefined => {
      const reply = bmc.answer(octets)?.slice();
      // Algorithms of suite 3 in the consent to suite 17.
      if (reply && reply[5] === 0x11)
        for (const [at, value] of [
          [32, 1],
          [40, 1],
        ] as const)
          reply[at] = value;
      return reply;
    };
    assert.equal(troubleOf(runOver({ ...bmc, answer }, orderOf([status]))), 'refused');
  });

  it('over any network it ends within bounded time: done, or with a reason that is worth another try', () => {
    const fate = fc.constantFrom<Fate>('arrives', 'lost', 'twice', 'late', 'garbled');
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 40 }), (fates) => {
        const bmc = bmcOf();
        const run = runOver(bmc, orderOf([on, status]), fates);
        assert.ok(run.outcome, 'it ends');
        assert.ok(['answered', 'unreachable', 'timeout', 'busy'].includes(troubleOf(run)), troubleOf(run));
        assert.ok(run.tookMs <= 8 * 7500);
        assert.ok(bmc.deeds.length <= 1, 'a repeated command is done once');
        if (run.outcome.is === 'answered') assert.deepEqual(bmc.deeds, ['on']);
      }),
      { numRuns: 150 },
    );
  });

  it('loss of any one datagram is got over', () => {
    for (let lost = 0; lost < 16; lost += 1) {
      const fates = Array.from({ length: lost + 1 }, (_, at): Fate => (at === lost ? 'lost' : 'arrives'));
      assert.equal(troubleOf(runOver(bmcOf(), orderOf([on, status]), fates)), 'answered', `datagram ${lost}`);
    }
  });

  it('hostile datagrams at any moment change nothing and throw nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 10 }), (rubbish) => {
        const bmc = bmcOf();
        const answer = (octets: Uint8Array): Uint8Array | undefined => bmc.answer(octets);
        let state = stepExchange(beginExchange(orderOf([status])), { is: 'start', nowMs: 0 }).state;
        for (const octets of rubbish) {
          const header = Uint8Array.of(6, 0, 255, 7, 6, ...octets);
          for (const datagram of [octets, header]) {
            const step = stepExchange(state, { is: 'datagram', octets: datagram, nowMs: 0 });
            assert.deepEqual(step.actions, []);
            state = step.state;
          }
        }
        assert.equal(troubleOf(runOver({ ...bmc, answer }, orderOf([status]))), 'answered');
      }),
      { numRuns: 40 },
    );
  });
});
