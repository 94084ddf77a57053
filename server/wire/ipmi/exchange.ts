import { authCapabilitiesRequest, closeSessionRequest, readAuthCapabilities, setPrivilegeRequest } from './commands.ts';
import type {
  ExchangeEvent,
  ExchangeOrder,
  ExchangeOutcome,
  ExchangeRequest,
  ExchangeState,
  Phase,
  Step,
} from './exchange-state.ts';
import { decodeResponse, encodeBridged, encodeRequest, openBridged, type IpmiResponse } from './message.ts';
import { readU32le } from './octets.ts';
import { decodeOpenResponse, encodeOpenRequest, PRIVILEGE } from './open-session.ts';
import {
  decodeRakp2Rest,
  decodeRakpReply,
  encodeRakp1,
  encodeRakpReply,
  NAME_ONLY,
  privilegeOnly,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionKeys,
  type RakpReply,
} from './rakp.ts';
import { decodeRmcp, encodeRmcp, RMCP_CLASS } from './rmcp.ts';
import { plainDatagram } from './secure.ts';
import { receiveIn, sendIn, type Session } from './session.ts';
import { decodeSessionPacket, decodeV15, encodeV15, isRmcpPlus, PAYLOAD } from './session-header.ts';
import type { CipherSuite } from './suite.ts';
import { FRESH_WINDOW } from './window.ts';
import { bridgeTrouble, completionTrouble, refusesSuite, sessionTrouble, type IpmiTrouble } from './words.ts';

/** Closing is a courtesy that frees a slot on the BMC: asked twice, then left to the BMC's own time-out. */
const CLOSE_MS: readonly number[] = [300, 300];

/** The state before anything has been sent. */
export function beginExchange(order: ExchangeOrder): ExchangeState {
  const outgoing = { is: 'datagram', octets: new Uint8Array(0) } as const;
  return { order, phase: { at: 'idle' }, outgoing, tries: 0, dueMs: undefined, tag: 0, heard: false, repeated: false };
}

/**
 * One step of a whole conversation with a BMC: capabilities, session, commands, goodbye (IPMI 2.0 §13.14). Pure:
 * the caller owns the socket and the clock, sends what the actions say, and ticks when `dueMs` has come.
 */
export function stepExchange(state: ExchangeState, event: ExchangeEvent): Step {
  switch (event.is) {
    case 'start':
      return state.phase.at === 'idle' ? ask(state, event.nowMs) : { state, actions: [] };
    case 'tick':
      return state.dueMs !== undefined && event.nowMs >= state.dueMs
        ? late(state, event.nowMs)
        : { state, actions: [] };
    case 'datagram':
      return arrive(state, event.octets, event.nowMs);
  }
}

function patienceOf(state: ExchangeState): readonly number[] {
  return state.phase.at === 'closing' ? CLOSE_MS : state.order.resendMs;
}

function isOnce(state: ExchangeState): boolean {
  return state.phase.at === 'commanding' && steps(state.order)[state.phase.index]?.once === true;
}

/** How long this sending is waited for. What may not be repeated gets all the patience at once. */
function waitMs(state: ExchangeState): number {
  if (isOnce(state)) return state.order.resendMs.reduce((sum, ms) => sum + ms, 0);
  return patienceOf(state)[state.tries] ?? 0;
}

/** Sends what is outgoing, for the first time or again. In a session each sending has a number of its own. */
function send(state: ExchangeState, nowMs: number): Step {
  const dueMs = nowMs + waitMs(state);
  const sent = { ...state, tries: state.tries + 1, dueMs };
  if (state.outgoing.is === 'datagram')
    return { state: sent, actions: [{ do: 'send', datagram: state.outgoing.octets }] };
  const { phase } = state;
  if (phase.at !== 'commanding' && phase.at !== 'closing') return { state, actions: [] };
  const { session, datagram } = sendIn(phase.session, PAYLOAD.ipmi, state.outgoing.octets);
  const counted: Phase = { ...phase, session };
  return { state: { ...sent, phase: counted }, actions: [{ do: 'send', datagram }] };
}

function enter(state: ExchangeState, phase: Phase, outgoing: ExchangeState['outgoing'], nowMs: number): Step {
  return send({ ...state, phase, outgoing, tries: 0, tag: (state.tag + 1) & 63 }, nowMs);
}

function datagram(payloadType: number, payload: Uint8Array): ExchangeState['outgoing'] {
  return { is: 'datagram', octets: plainDatagram(payloadType, payload) };
}

function nextTag(state: ExchangeState): number {
  return (state.tag + 1) & 63;
}

function end(state: ExchangeState, outcome: ExchangeOutcome): Step {
  return { state: { ...state, phase: { at: 'over' }, dueMs: undefined }, actions: [{ do: 'end', outcome }] };
}

function fail(state: ExchangeState, trouble: IpmiTrouble): Step {
  return end(state, { is: 'failed', trouble });
}

function late(state: ExchangeState, nowMs: number): Step {
  const { phase } = state;
  if (state.tries < patienceOf(state).length && !isOnce(state)) {
    const inHandshake = phase.at === 'proving' || phase.at === 'keying';
    return send({ ...state, repeated: state.repeated || inHandshake }, nowMs);
  }
  if (phase.at === 'closing') return end(state, phase.outcome);
  if (!state.heard) return fail(state, { code: 'unreachable', because: `no answer to ${state.tries} requests` });
  const because = `the BMC fell silent while ${phase.at}, after ${state.tries} sendings`;
  return fail(state, { code: 'timeout', because });
}

function ask(state: ExchangeState, nowMs: number): Step {
  const message = encodeRequest(authCapabilitiesRequest(state.order.privilege), nextTag(state));
  const octets = encodeRmcp(RMCP_CLASS.ipmi, encodeV15(message));
  return enter(state, { at: 'asking' }, { is: 'datagram', octets }, nowMs);
}

/** Takes in a datagram. What does not fit the phase is dropped without a word: it may be late, doubled or forged. */
function arrive(state: ExchangeState, octets: Uint8Array, nowMs: number): Step {
  const nothing: Step = { state, actions: [] };
  const rmcp = decodeRmcp(octets);
  if (!rmcp.ok || rmcp.value.messageClass !== RMCP_CLASS.ipmi) return nothing;
  const { body } = rmcp.value;
  const { phase } = state;
  switch (phase.at) {
    case 'idle':
    case 'over':
      return nothing;
    case 'asking':
      return isRmcpPlus(body) ? nothing : capabilities(state, body, nowMs);
    case 'opening':
      return opened(state, phase, payloadOf(body, PAYLOAD.openResponse), nowMs);
    case 'proving':
      return proven(state, phase, replyOf(state, body, PAYLOAD.rakp2, phase.half.consoleId), nowMs);
    case 'keying':
      return keyed(state, phase, replyOf(state, body, PAYLOAD.rakp4, phase.handshake.consoleId), nowMs);
    case 'commanding':
    case 'closing':
      return answered(state, phase, octets, nowMs);
  }
}

function payloadOf(body: Uint8Array, payloadType: number): Uint8Array | undefined {
  const packet = decodeSessionPacket(body, 0);
  if (!packet.ok || packet.value.payloadType !== payloadType || packet.value.encrypted) return undefined;
  return packet.value.payload;
}

function replyOf(
  state: ExchangeState,
  body: Uint8Array,
  payloadType: number,
  consoleId: number,
): RakpReply | undefined {
  const payload = payloadOf(body, payloadType);
  const reply = payload && decodeRakpReply(payload);
  if (!reply?.ok || reply.value.tag !== state.tag) return undefined;
  // Refusals of some BMCs leave the session id empty.
  const isOurs = reply.value.sessionId === consoleId || reply.value.status !== 0;
  return isOurs ? reply.value : undefined;
}

function capabilities(state: ExchangeState, body: Uint8Array, nowMs: number): Step {
  const message = decodeV15(body);
  const reply = message.ok ? decodeResponse(message.value) : message;
  if (!reply.ok || reply.value.sequence !== state.tag) return { state, actions: [] };
  const heard = { ...state, heard: true };
  const { completion, data } = reply.value.response;
  // A BMC that refuses the question may still open a session: only a clear "no IPMI 2.0" ends it here.
  const told = completion === 0 && !state.order.quirks?.ignoresCapabilities ? readAuthCapabilities(data) : undefined;
  if (told?.ok && !told.value.speaksV2) return fail(heard, { code: 'config', because: 'the BMC speaks no IPMI 2.0' });
  if (told?.ok && told.value.needsKg && !state.order.kg)
    return fail(heard, { code: 'config', because: 'the BMC has a key K_g set; enter it as "kg"' });
  return open(heard, state.order.suites, nowMs);
}

function open(state: ExchangeState, suites: readonly CipherSuite[], nowMs: number): Step {
  const [suite, ...later] = suites;
  if (!suite) return fail(state, { code: 'config', because: 'the BMC offers none of the cipher suites allowed here' });
  const consoleId = Math.max(1, readU32le(state.order.crypto.random(4), 0));
  const payload = encodeOpenRequest({ tag: nextTag(state), privilege: state.order.privilege, consoleId, suite });
  return enter(state, { at: 'opening', suite, consoleId, later }, datagram(PAYLOAD.openRequest, payload), nowMs);
}

function opened(
  state: ExchangeState,
  phase: Extract<Phase, { at: 'opening' }>,
  payload: Uint8Array | undefined,
  nowMs: number,
): Step {
  const reply = payload && decodeOpenResponse(payload);
  if (!reply?.ok || reply.value.tag !== state.tag) return { state, actions: [] };
  const { bmcId, status, consoleId } = reply.value;
  if (refusesSuite(status)) return open(state, phase.later, nowMs);
  if (status !== 0 || bmcId === undefined) return fail(state, sessionTrouble(status));
  if (consoleId !== phase.consoleId) return { state, actions: [] };
  // A BMC that consents to another suite than the one proposed could talk us down to a weaker one.
  if (reply.value.suite !== phase.suite)
    return fail(state, { code: 'refused', because: 'the BMC chose another suite' });
  const { user, privilege, crypto, quirks } = state.order;
  const consoleRandom = crypto.random(16);
  const role = NAME_ONLY | privilege;
  const half = { suite: phase.suite, consoleId, bmcId, consoleRandom, role, user };
  const message = encodeRakp1({ tag: nextTag(state), bmcId, consoleRandom, role, user }, quirks?.padsUser);
  return enter(state, { at: 'proving', half }, datagram(PAYLOAD.rakp1, message), nowMs);
}

function proven(
  state: ExchangeState,
  phase: Extract<Phase, { at: 'proving' }>,
  reply: RakpReply | undefined,
  nowMs: number,
): Step {
  if (!reply) return { state, actions: [] };
  if (reply.status !== 0) return fail(state, sessionTrouble(reply.status));
  const { crypto, password, kg, quirks } = state.order;
  const rest = decodeRakp2Rest(reply.rest, phase.half.suite);
  if (!rest.ok) return { state, actions: [] };
  const handshake = { ...phase.half, bmcRandom: rest.value.bmcRandom, bmcGuid: rest.value.bmcGuid };
  if (!crypto.equal(rakp2Code(crypto, handshake, password), rest.value.code))
    return fail(state, { code: 'auth', because: 'wrong password for this user' });
  const keyed = quirks?.keysPrivilegeOnly ? privilegeOnly(handshake) : handshake;
  const keys = sessionKeys(crypto, keyed, kg ?? password);
  const message = encodeRakpReply({
    tag: nextTag(state),
    status: 0,
    sessionId: handshake.bmcId,
    rest: rakp3Code(crypto, quirks?.signsPrivilegeOnly ? privilegeOnly(handshake) : handshake, password),
  });
  const channel = { crypto, suite: handshake.suite, keys };
  return enter(state, { at: 'keying', handshake, channel }, datagram(PAYLOAD.rakp3, message), nowMs);
}

function keyed(
  state: ExchangeState,
  phase: Extract<Phase, { at: 'keying' }>,
  reply: RakpReply | undefined,
  nowMs: number,
): Step {
  if (!reply) return { state, actions: [] };
  const { crypto, kg } = state.order;
  if (reply.status !== 0) {
    // Our password was proven right by RAKP 2. After a repetition the BMC may hold newer random numbers than we do.
    if (state.repeated)
      return fail(state, { code: 'busy', because: 'the handshake got out of step on a lossy network' });
    return fail(state, sessionTrouble(reply.status));
  }
  const { handshake, channel } = phase;
  const { integrityOctets } = handshake.suite;
  if (!crypto.equal(rakp4Code(crypto, handshake, channel.keys.sik), reply.rest.subarray(0, integrityOctets))) {
    const because = kg ? 'K_g is not the one of the BMC' : 'the BMC holds another session key: it may need K_g';
    return fail(state, { code: 'auth', because });
  }
  const { bmcId, consoleId } = handshake;
  const session: Session = { channel, bmcId, consoleId, sent: 0, window: FRESH_WINDOW };
  return command({ ...state, phase: { at: 'commanding', session, index: 0, answers: [] } }, session, 0, [], nowMs);
}

/** The commands of a session; a session begins as User and is raised first where that is not enough (§22.18). */
function steps(order: ExchangeOrder): readonly ExchangeRequest[] {
  if (order.privilege <= PRIVILEGE.user) return order.requests;
  return [{ request: setPrivilegeRequest(order.privilege) }, ...order.requests];
}

function command(
  state: ExchangeState,
  session: Session,
  index: number,
  answers: readonly IpmiResponse[],
  nowMs: number,
): Step {
  const { order } = state;
  const each = steps(order)[index];
  if (!each) {
    const own = answers.slice(answers.length - order.requests.length);
    if (order.stays) return end(state, { is: 'answered', answers: own, session });
    return close(state, session, { is: 'answered', answers: own, session: undefined }, nowMs);
  }
  const octets = encodeBridged(each.request, each.route ?? [], nextTag(state));
  return enter(state, { at: 'commanding', session, index, answers }, { is: 'message', octets }, nowMs);
}

function close(state: ExchangeState, session: Session, outcome: ExchangeOutcome, nowMs: number): Step {
  const octets = encodeRequest(closeSessionRequest(session.bmcId), nextTag(state));
  return enter(state, { at: 'closing', session, outcome }, { is: 'message', octets }, nowMs);
}

function answered(
  state: ExchangeState,
  phase: Extract<Phase, { at: 'commanding' | 'closing' }>,
  octets: Uint8Array,
  nowMs: number,
): Step {
  const inside = receiveIn(phase.session, octets);
  if (inside?.payloadType !== PAYLOAD.ipmi) return { state, actions: [] };
  const { session } = inside;
  const known: ExchangeState = { ...state, phase: { ...phase, session } };
  const reply = decodeResponse(inside.payload);
  if (!reply.ok || reply.value.sequence !== state.tag) return { state: known, actions: [] };
  if (phase.at === 'closing') return end(known, phase.outcome);
  const each = steps(state.order)[phase.index];
  const opened = each?.route ? openBridged(reply.value.response) : { ...reply.value, is: 'answer' as const };
  if (!each || opened.is === 'passed-on') return { state: known, actions: [] };
  const { response } = opened;
  if (opened.is === 'refusal')
    return close(known, session, { is: 'failed', trouble: bridgeTrouble(response.completion) }, nowMs);
  if (response.command !== each.request.command) return { state: known, actions: [] };
  if (response.completion !== 0 && !each.optional) {
    const trouble = each.words?.[response.completion] ?? completionTrouble(response.completion);
    return close(known, session, { is: 'failed', trouble }, nowMs);
  }
  return command(known, session, phase.index + 1, [...phase.answers, response], nowMs);
}
