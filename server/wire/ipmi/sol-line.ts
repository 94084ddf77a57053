import { closeSessionRequest } from './commands.ts';
import { decodeResponse, encodeRequest, type IpmiRequest } from './message.ts';
import { receiveIn, sendIn, type Received, type Session } from './session.ts';
import { PAYLOAD } from './session-header.ts';
import {
  deactivateSolRequest,
  decodeSol,
  encodeSol,
  PAYLOAD_COMMAND,
  readSolOwner,
  SOL_HEAD_OCTETS,
  SOL_OPERATION,
  SOL_STATUS,
  solAck,
  solOwnerRequest,
  type SolPacket,
} from './sol.ts';
import { IDLE_SENDER, offerSol, settleSol, turnSol, type SolItem, type SolSender } from './sol-sender.ts';

/** BMCs end a session after 60 s of silence (IPMI 2.0 §6.12.15); some count only commands. */
const KEEP_MS = 10_000;
/** Three questions and nothing heard of any kind. */
const SILENT_MS = 35_000;
/** A line that takes no characters for so long (no power, flow control) gives the writer an error, and lives on. */
const REFUSED_MS = 30_000;
const LEAVE_MS: readonly number[] = [300, 300];
const RESEND_MS = [300, 500, 1000, 2000, 3000, 3000, 3000, 3000];
/** Characters of one packet; small enough for every BMC, whatever size it grants. */
const SEND_MAX = 64;
/** An acknowledgement counts in one octet. */
const ACCEPT_MAX = 255;
/** What is kept of a board that speaks before anybody listens; beyond it the BMC is not acknowledged and keeps the rest. */
const UNHEARD_MAX = 65_536;
/** What waits to be sent. */
const QUEUE_MAX = 64;

/** What a SOL line hears of; times are of the monotonic clock. */
export type SolEvent =
  | { readonly is: 'datagram'; readonly octets: Uint8Array; readonly nowMs: number }
  | { readonly is: 'tick'; readonly nowMs: number }
  | { readonly is: 'send'; readonly item: SolItem; readonly nowMs: number }
  /** Somebody takes what the board says from now on. */
  | { readonly is: 'listen'; readonly nowMs: number }
  | { readonly is: 'close'; readonly nowMs: number };

/** What its owner must do next. `taken`: the oldest item is over; `refused`: all that wait are. */
export type SolAction =
  | { readonly do: 'send'; readonly datagram: Uint8Array }
  | { readonly do: 'hear'; readonly octets: Uint8Array }
  | { readonly do: 'taken' }
  | { readonly do: 'refused'; readonly because: string }
  | { readonly do: 'end'; readonly because: string };

type Phase =
  | { readonly at: 'open' }
  | {
      readonly at: 'deactivating' | 'closing';
      readonly because: string;
      readonly tries: number;
      readonly dueMs: number;
    }
  | { readonly at: 'over' };

/** The last packet with characters that came in. */
interface Heard {
  readonly sequence: number;
  readonly octets: number;
  /** Its place in the BMC's own order of sending. */
  readonly order: number;
}

/** The state between two events. `dueMs` of `solDueMs` says when the next tick is wanted. */
export interface SolState {
  readonly session: Session;
  readonly phase: Phase;
  readonly sender: SolSender;
  readonly sendOctets: number;
  readonly heard: Heard;
  /** Octets that may still come before somebody listens. */
  readonly room: number;
  readonly heardMs: number;
  readonly keepMs: number;
  /** Request sequence of the last command. */
  readonly tag: number;
  /** Whether the BMC has named our session as the owner once: only then a "no" of it counts. */
  readonly isOwnerKnown: boolean;
  readonly ackOfNoneIsAll: boolean;
}

/** The next state, and what to do in this order. */
export interface SolStep {
  readonly state: SolState;
  readonly actions: readonly SolAction[];
}

/** A line in a session where SOL has just been activated. `toBmcOctets`: the payload size the BMC granted. */
export function beginSol(session: Session, toBmcOctets: number, nowMs: number, ackOfNoneIsAll = false): SolState {
  // FreeIPMI's "solpayloadsize" workaround: a dozen boards grant nonsense, so what is too small is not believed.
  const granted = toBmcOctets > SOL_HEAD_OCTETS ? toBmcOctets - SOL_HEAD_OCTETS : SEND_MAX;
  return {
    session,
    phase: { at: 'open' },
    sender: IDLE_SENDER,
    sendOctets: Math.min(SEND_MAX, granted),
    heard: { sequence: 0, octets: 0, order: 0 },
    room: UNHEARD_MAX,
    heardMs: nowMs,
    keepMs: nowMs,
    tag: 0x20,
    isOwnerKnown: false,
    ackOfNoneIsAll,
  };
}

/** When the next tick is wanted; nothing when the line is over. */
export function solDueMs(state: SolState): number | undefined {
  switch (state.phase.at) {
    case 'open':
      return Math.min(state.keepMs, state.heardMs + SILENT_MS, senderDueMs(state.sender));
    case 'deactivating':
    case 'closing':
      return state.phase.dueMs;
    case 'over':
      return undefined;
  }
}

function senderDueMs({ flight, items, dueMs }: SolSender): number {
  return flight || items.length > 0 ? (dueMs ?? 0) : Infinity;
}

/**
 * One step of a serial line over LAN (§15): characters both ways in order and without loss, breaks, a question every
 * 10 s that keeps the session and tells who owns the line. Pure, as `stepExchange`.
 */
export function stepSol(state: SolState, event: SolEvent): SolStep {
  switch (event.is) {
    case 'datagram':
      return arrive(state, event.octets, event.nowMs);
    case 'tick':
      return tick(state, event.nowMs);
    case 'send':
      return offer(state, event.item, event.nowMs);
    case 'listen':
      return { state: { ...state, room: Infinity }, actions: [] };
    case 'close':
      return state.phase.at === 'open' ? leave(state, 'deactivating', 'closed', event.nowMs) : { state, actions: [] };
  }
}

function send(state: SolState, payloadType: number, payload: Uint8Array): SolStep {
  const { session, datagram } = sendIn(state.session, payloadType, payload);
  return { state: { ...state, session }, actions: [{ do: 'send', datagram }] };
}

function command(state: SolState, request: IpmiRequest): SolStep {
  const tag = (state.tag + 1) & 63;
  return send({ ...state, tag }, PAYLOAD.ipmi, encodeRequest(request, tag));
}

function then(step: SolStep, next: (state: SolState) => SolStep): SolStep {
  const after = next(step.state);
  return { state: after.state, actions: [...step.actions, ...after.actions] };
}

function offer(state: SolState, item: SolItem, nowMs: number): SolStep {
  if (state.phase.at !== 'open') return { state, actions: [{ do: 'refused', because: 'the line is closed' }] };
  if (state.sender.items.length >= QUEUE_MAX)
    return refuse(state, 'more is written than the line takes; wait for each write');
  return push({ ...state, sender: offerSol(state.sender, item) }, nowMs);
}

/** Everything that waits is given up; the line lives on. */
function refuse(state: SolState, because: string): SolStep {
  const sender = { ...IDLE_SENDER, sequence: state.sender.sequence };
  return { state: { ...state, sender }, actions: [{ do: 'refused', because }] };
}

/** Lets the sender have its turn. */
function push(state: SolState, nowMs: number): SolStep {
  const { refusedMs } = state.sender;
  if (refusedMs !== undefined && nowMs - refusedMs >= REFUSED_MS)
    return refuse(state, `the line has taken no characters for ${REFUSED_MS / 1000} s: no power, or flow control`);
  const pace = { octets: state.sendOctets, resendMs: RESEND_MS, breakFlag: SOL_OPERATION.sendBreak };
  const turn = turnSol(state.sender, pace, nowMs);
  const turned = { ...state, sender: turn.sender };
  if (turn.isSilent) return leave(turned, 'deactivating', 'the BMC acknowledges no characters any more', nowMs);
  return turn.packet ? send(turned, PAYLOAD.sol, encodeSol(turn.packet)) : { state: turned, actions: [] };
}

function tick(state: SolState, nowMs: number): SolStep {
  const { phase } = state;
  switch (phase.at) {
    case 'over':
      return { state, actions: [] };
    case 'deactivating':
    case 'closing':
      return nowMs < phase.dueMs ? { state, actions: [] } : leaveOn(state, phase, nowMs);
    case 'open':
      if (nowMs - state.heardMs >= SILENT_MS) return end(state, `the BMC has been silent for ${SILENT_MS / 1000} s`);
      return then(push(state, nowMs), (pushed) => keep(pushed, nowMs));
  }
}

/** Asks who owns the line: the question keeps the session, the answer tells whether it is still ours. */
function keep(state: SolState, nowMs: number): SolStep {
  if (state.phase.at !== 'open' || nowMs < state.keepMs) return { state, actions: [] };
  return command({ ...state, keepMs: nowMs + KEEP_MS }, solOwnerRequest());
}

function end(state: SolState, because: string): SolStep {
  return { state: { ...state, phase: { at: 'over' }, sender: IDLE_SENDER }, actions: [{ do: 'end', because }] };
}

/** Says goodbye: SOL off (unless it is), then the session. Each is asked twice, then left to the BMC's own time-out. */
function leave(state: SolState, at: 'deactivating' | 'closing', because: string, nowMs: number): SolStep {
  const phase = { at, because, tries: 1, dueMs: nowMs + (LEAVE_MS[0] ?? 0) } as const;
  return command({ ...state, phase }, farewell(state, at));
}

function farewell(state: SolState, at: 'deactivating' | 'closing'): IpmiRequest {
  return at === 'deactivating' ? deactivateSolRequest() : closeSessionRequest(state.session.bmcId);
}

function leaveOn(state: SolState, phase: Extract<Phase, { at: 'deactivating' | 'closing' }>, nowMs: number): SolStep {
  const waitMs = LEAVE_MS[phase.tries];
  if (waitMs !== undefined) {
    const again = { ...phase, tries: phase.tries + 1, dueMs: nowMs + waitMs };
    return command({ ...state, phase: again }, farewell(state, phase.at));
  }
  return phase.at === 'closing' ? end(state, phase.because) : leave(state, 'closing', phase.because, nowMs);
}

function arrive(state: SolState, octets: Uint8Array, nowMs: number): SolStep {
  const received = state.phase.at === 'over' ? undefined : receiveIn(state.session, octets);
  if (!received) return { state, actions: [] };
  const known = { ...state, session: received.session, heardMs: nowMs };
  if (received.payloadType === PAYLOAD.ipmi) return answered(known, received.payload, nowMs);
  const packet = received.payloadType === PAYLOAD.sol ? decodeSol(received.payload) : undefined;
  if (!packet?.ok || known.phase.at !== 'open') return { state: known, actions: [] };
  return then(
    then(hear(known, packet.value, received), (state_) => settle(state_, packet.value, nowMs)),
    (settled) =>
      (packet.value.flags & SOL_STATUS.deactivated) === 0
        ? { state: settled, actions: [] }
        : leave(
            settled,
            'closing',
            'the BMC has ended serial over LAN: another session took it, or it was switched off',
            nowMs,
          ),
  );
}

function answered(state: SolState, message: Uint8Array, nowMs: number): SolStep {
  const reply = decodeResponse(message);
  if (!reply.ok || reply.value.sequence !== state.tag) return { state, actions: [] };
  const { response } = reply.value;
  const { phase } = state;
  if (phase.at === 'deactivating' && response.command === PAYLOAD_COMMAND.deactivate)
    return leave(state, 'closing', phase.because, nowMs);
  if (phase.at === 'closing') return end(state, phase.because);
  if (phase.at !== 'open' || response.command !== PAYLOAD_COMMAND.instanceInfo || response.completion !== 0)
    return { state, actions: [] };
  return owned(state, readSolOwner(response.data), nowMs);
}

function owned(state: SolState, owner: ReturnType<typeof readSolOwner>, nowMs: number): SolStep {
  if (!owner.ok) return { state, actions: [] };
  const { bmcId, consoleId } = state.session;
  if (owner.value === bmcId || owner.value === consoleId)
    return { state: { ...state, isOwnerKnown: true }, actions: [] };
  if (!state.isOwnerKnown) return { state, actions: [] };
  const because = owner.value === 0 ? 'serial over LAN was deactivated' : 'another session has taken serial over LAN';
  return leave(state, 'closing', because, nowMs);
}

function settle(state: SolState, packet: SolPacket, nowMs: number): SolStep {
  const settled = settleSol(state.sender, packet, nowMs, state.ackOfNoneIsAll);
  const next = { ...state, sender: settled.sender };
  const taken: SolStep = { state: next, actions: settled.done > 0 ? [{ do: 'taken' }] : [] };
  return then(taken, (free) => push(free, nowMs));
}

/**
 * Characters from the board. A packet that comes again may carry more than it did: the surplus is new. One that overtook a
 * later one is older than what was given on, and was given on itself.
 */
function hear(state: SolState, packet: SolPacket, { sequence: order }: Received): SolStep {
  const { heard } = state;
  if (packet.sequence === 0 || ((order - heard.order) | 0) < 0) return { state, actions: [] };
  const all = packet.octets.subarray(0, ACCEPT_MAX);
  const isAgain = packet.sequence === heard.sequence;
  const fresh = isAgain ? all.subarray(heard.octets) : all;
  if (fresh.length > state.room) return { state, actions: [] };
  const known = {
    ...state,
    heard: { sequence: packet.sequence, octets: isAgain ? Math.max(all.length, heard.octets) : all.length, order },
    room: state.room - fresh.length,
  };
  const acknowledged = send(known, PAYLOAD.sol, encodeSol(solAck(packet.sequence, all.length)));
  if (fresh.length === 0) return acknowledged;
  return { ...acknowledged, actions: [{ do: 'hear', octets: fresh.slice() }, ...acknowledged.actions] };
}
