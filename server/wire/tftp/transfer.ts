/** What was agreed for one file, and its size. */
export interface TransferTerms {
  /** Of the file. */
  readonly octets: number;
  readonly blksize: number;
  readonly windowsize: number;
  /** Whether the transfer begins with an OACK. */
  readonly oack: boolean;
  /** The block number after 65535: 0 for nearly everybody. */
  readonly rollOverTo: 0 | 1;
}

/** Where a transfer is. Blocks are counted from 1 without roll-over; times are monotonic milliseconds. */
export interface TransferState {
  readonly terms: TransferTerms;
  readonly phase: 'begin' | 'oack' | 'data' | 'ended';
  /** Blocks of the whole file, the short (perhaps empty) last one included. */
  readonly blocks: number;
  /** The last block the client has acknowledged, 0 before the first. */
  readonly acked: number;
  /** The last block sent in the present window. */
  readonly sent: number;
  /** The last block ever sent. */
  readonly reached: number;
  /** The last block that was sent twice: copies of blocks up to here may still be under way. */
  readonly doubledTo: number;
  /** Whether the client has acknowledged anything: until then it may be somebody's forgery. */
  readonly heard: boolean;
  /** Timeouts in a row without progress. */
  readonly timeouts: number;
  /** When the window went out, while nothing in it has been sent twice: only such a window times the round trip. */
  readonly timedFromMs: number | undefined;
  readonly roundTripMs: number | undefined;
  /** From the beginning to the first acknowledgement. */
  readonly firstAnswerMs: number | undefined;
  readonly roundTripVarMs: number;
  /** When the last new acknowledgement came. */
  readonly progressMs: number;
  /** When to call with a tick. */
  readonly deadlineMs: number;
  /** Blocks sent again. */
  readonly retransmits: number;
}

/** What a transfer hears of; times are of the monotonic clock. */
export type TransferEvent =
  | { readonly is: 'start'; readonly nowMs: number }
  | { readonly is: 'ack'; readonly block: number; readonly nowMs: number }
  | { readonly is: 'tick'; readonly nowMs: number }
  /** The client sent ERROR. */
  | { readonly is: 'error'; readonly code: number; readonly message: string }
  /** The client's host says that nobody listens there any more. */
  | { readonly is: 'port-closed' };

/** What its owner must do; `first` counts blocks from 1 and never wraps. */
export type TransferAction =
  | { readonly do: 'send-oack' }
  | { readonly do: 'send'; readonly first: number; readonly count: number }
  | { readonly do: 'end'; readonly outcome: 'done' | 'aborted-by-peer' | 'gave-up'; readonly because: string };

/** The next state, and what to do in this order. */
export interface Step {
  readonly state: TransferState;
  readonly actions: readonly TransferAction[];
}

/**
 * Waits after each sending of the first packet to a client that has not answered yet; then it is given up, so that a
 * forged request draws three packets only. The first wait is short: nothing is measured yet, boards are near, and one
 * lost packet in a hundred would else cost one boot in a hundred a second.
 */
const FIRST_WAITS_MS: readonly number[] = [100, 1900, 5000];
/**
 * The wait of a client whose round trip is not known, since its first packet was sent twice: half as much again as it took
 * to answer at all, which is no less than the round trip, within these bounds.
 */
const [UNMEASURED_FLOOR_MS, UNMEASURED_CEILING_MS] = [100, 1000];
/** Below this a busy board's hiccup would be taken for loss. */
const TIMEOUT_FLOOR_MS = 20;
const TIMEOUT_CEILING_MS = 4000;
/** Longer silence ends the transfer: u-boot itself asks again after 5 s, so this is several of its tries. */
const SILENCE_MAX_MS = 30_000;
const TIMEOUTS_MAX = 16;
const NOTHING: readonly TransferAction[] = [];

/** A transfer that has not sent anything; the first event is `start`. */
export function newTransfer(terms: TransferTerms): TransferState {
  return {
    terms,
    phase: 'begin',
    blocks: Math.floor(terms.octets / terms.blksize) + 1,
    acked: 0,
    sent: 0,
    reached: 0,
    doubledTo: 0,
    heard: false,
    timeouts: 0,
    timedFromMs: undefined,
    roundTripMs: undefined,
    firstAnswerMs: undefined,
    roundTripVarMs: 0,
    progressMs: 0,
    deadlineMs: Infinity,
    retransmits: 0,
  };
}

/** The number a block bears on the wire (RFC 1350 has 16 bits and says nothing of what follows 65535). */
export function wireBlock(block: number, rollOverTo: 0 | 1): number {
  return rollOverTo === 0 || block === 0 ? block & 0xffff : ((block - 1) % 0xffff) + 1;
}

/** The sending side of one transfer (RFC 1350 §2 and §6, RFC 7440 §4, RFC 1123 §4.2.3). Pure: the caller obeys the actions. */
export function step(state: TransferState, event: TransferEvent): Step {
  if (state.phase === 'ended') return { state, actions: NOTHING };
  switch (event.is) {
    case 'start':
      return begin(state, event.nowMs);
    case 'ack':
      return onAck(state, event.block, event.nowMs);
    case 'tick':
      return event.nowMs < state.deadlineMs ? { state, actions: NOTHING } : onTimeout(state, event.nowMs);
    case 'error':
      return end(state, 'aborted-by-peer', `ERROR ${event.code} from the client: ${event.message}`);
    case 'port-closed':
      return end(
        state,
        'aborted-by-peer',
        `the client closed its port with block ${state.acked} of ${state.blocks} acknowledged`,
      );
  }
}

function begin(state: TransferState, nowMs: number): Step {
  if (state.phase !== 'begin') return { state, actions: NOTHING };
  const started = { ...state, timedFromMs: nowMs, progressMs: nowMs, deadlineMs: nowMs + (FIRST_WAITS_MS[0] ?? 0) };
  if (state.terms.oack) return { state: { ...started, phase: 'oack' }, actions: [{ do: 'send-oack' }] };
  return {
    state: { ...started, phase: 'data', sent: 1, reached: 1 },
    actions: [{ do: 'send', first: 1, count: 1 }],
  };
}

function onAck(state: TransferState, block: number, nowMs: number): Step {
  if (state.phase === 'oack')
    return block === 0 ? sendFrom(timed(state, true, nowMs), 0, nowMs) : { state, actions: NOTHING };
  const ahead = distance(state, block);
  // Not ahead: a duplicate, which must never be answered with DATA (the sorcerer's apprentice). Too far: never sent.
  if (ahead < 1 || ahead > state.sent - state.acked) return { state, actions: NOTHING };
  const acked = state.acked + ahead;
  const known = timed(state, acked === state.sent, nowMs);
  if (acked === state.blocks) return end({ ...known, acked }, 'done', 'all blocks acknowledged');
  return acked < state.sent && acked <= state.doubledTo ? slideTo(known, acked, nowMs) : sendFrom(known, acked, nowMs);
}

/** Blocks from the last acknowledged one to the one with this number on the wire, going forward. */
function distance(state: TransferState, block: number): number {
  const { rollOverTo } = state.terms;
  const span = rollOverTo === 0 ? 0x10000 : 0xffff;
  if (rollOverTo === 1 && block === 0) return 0;
  return (block - wireBlock(state.acked, rollOverTo) + span) % span;
}

/** Notes the round trip of a window that was acknowledged whole and sent once (Karn's rule; weights of RFC 6298). */
function timed(state: TransferState, whole: boolean, nowMs: number): TransferState {
  if (!whole || state.timedFromMs === undefined) return state;
  const sampleMs = nowMs - state.timedFromMs;
  const oldMs = state.roundTripMs;
  if (oldMs === undefined) return { ...state, roundTripMs: sampleMs, roundTripVarMs: sampleMs / 2 };
  const roundTripVarMs = 0.75 * state.roundTripVarMs + 0.25 * Math.abs(oldMs - sampleMs);
  return { ...state, roundTripMs: 0.875 * oldMs + 0.125 * sampleMs, roundTripVarMs };
}

/** Sends the window after `acked`, which is news. */
function sendFrom(state: TransferState, acked: number, nowMs: number): Step {
  const sent = Math.min(acked + state.terms.windowsize, state.blocks);
  const again = Math.max(0, state.reached - acked);
  const firstAnswerMs = state.heard ? state.firstAnswerMs : nowMs - state.progressMs;
  const next: TransferState = {
    terms: state.terms,
    phase: 'data',
    blocks: state.blocks,
    acked,
    sent,
    reached: Math.max(sent, state.reached),
    doubledTo: again > 0 ? state.reached : state.doubledTo,
    heard: true,
    timeouts: 0,
    timedFromMs: again > 0 ? undefined : nowMs,
    roundTripMs: state.roundTripMs,
    firstAnswerMs,
    roundTripVarMs: state.roundTripVarMs,
    progressMs: nowMs,
    deadlineMs: nowMs + timeoutMs({ ...state, firstAnswerMs }, 0),
    retransmits: state.retransmits + again,
  };
  return { state: next, actions: [{ do: 'send', first: acked + 1, count: sent - acked }] };
}

/**
 * An ACK inside the window, as a copy of a block draws it from the client: only what was never sent follows. Going back
 * for it as well would double blocks again, and so on to the end of the file, the sorcerer's apprentice once more. If a
 * block was lost after all, the timer goes back.
 */
function slideTo(state: TransferState, acked: number, nowMs: number): Step {
  const sent = Math.min(acked + state.terms.windowsize, state.blocks);
  const next: TransferState = {
    ...state,
    acked,
    sent,
    reached: Math.max(sent, state.reached),
    timeouts: 0,
    timedFromMs: undefined,
    progressMs: nowMs,
    deadlineMs: nowMs + timeoutMs(state, 0),
  };
  const count = sent - state.sent;
  return { state: next, actions: count > 0 ? [{ do: 'send', first: state.sent + 1, count }] : NOTHING };
}

function timeoutMs(state: TransferState, timeouts: number): number {
  const { roundTripMs, roundTripVarMs, firstAnswerMs = UNMEASURED_CEILING_MS } = state;
  const guessedMs = Math.min(UNMEASURED_CEILING_MS, Math.max(UNMEASURED_FLOOR_MS, 1.5 * firstAnswerMs));
  const measuredMs = roundTripMs === undefined ? guessedMs : roundTripMs + 4 * roundTripVarMs;
  return Math.min(TIMEOUT_CEILING_MS, Math.max(TIMEOUT_FLOOR_MS, measuredMs) * 2 ** timeouts);
}

function onTimeout(state: TransferState, nowMs: number): Step {
  const timeouts = state.timeouts + 1;
  if (!state.heard) {
    const waitMs = FIRST_WAITS_MS[timeouts];
    if (waitMs === undefined) return end(state, 'gave-up', 'the client never answered');
    return again(state, timeouts, nowMs + waitMs);
  }
  if (timeouts > TIMEOUTS_MAX || nowMs - state.progressMs >= SILENCE_MAX_MS)
    return end(state, 'gave-up', `the client fell silent with block ${state.acked} of ${state.blocks} acknowledged`);
  return again(state, timeouts, nowMs + timeoutMs(state, timeouts));
}

/** The OACK, or the whole window from the last acknowledged block, once more. */
function again(state: TransferState, timeouts: number, deadlineMs: number): Step {
  const next = { ...state, timeouts, deadlineMs, timedFromMs: undefined };
  if (state.phase === 'oack') return { state: next, actions: [{ do: 'send-oack' }] };
  const count = state.sent - state.acked;
  return {
    state: { ...next, doubledTo: state.sent, retransmits: state.retransmits + count },
    actions: [{ do: 'send', first: state.acked + 1, count }],
  };
}

function end(state: TransferState, outcome: 'done' | 'aborted-by-peer' | 'gave-up', because: string): Step {
  return { state: { ...state, phase: 'ended', deadlineMs: Infinity }, actions: [{ do: 'end', outcome, because }] };
}
