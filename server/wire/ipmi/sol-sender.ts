import { nextSolSequence, SOL_STATUS, type SolPacket } from './sol.ts';

/** What is to go over a serial line: characters, or a break. */
export type SolItem = { readonly is: 'keys'; readonly octets: Uint8Array } | { readonly is: 'break' };

interface Flight {
  readonly packet: SolPacket;
  readonly tries: number;
}

/** One direction of a SOL session: one packet under way at a time (IPMI 2.0 §15.11), the rest waits in order. */
export interface SolSender {
  readonly items: readonly SolItem[];
  readonly sequence: number;
  readonly flight: Flight | undefined;
  /** When the packet under way is sent again, or a refused one tried anew; nothing: at once. */
  readonly dueMs: number | undefined;
  /** Since when the other side takes nothing. */
  readonly refusedMs: number | undefined;
}

/** How a sender is to behave. */
export interface SolPace {
  /** Most characters of one packet. */
  readonly octets: number;
  /** How long each sending of a packet is waited for; as many sendings as there are entries. */
  readonly resendMs: readonly number[];
  /** The operation bit of a break. */
  readonly breakFlag: number;
}

/** What a sender wants: to send a packet, or nothing; `silent` when no sending was acknowledged. */
export interface SolTurn {
  readonly sender: SolSender;
  readonly packet?: SolPacket;
  readonly isSilent?: boolean;
}

/** A side that cannot take characters now is asked again after this time. */
const REST_MS = 250;
const NOTHING = new Uint8Array(0);

/** Nothing to send. */
export const IDLE_SENDER: SolSender = {
  items: [],
  sequence: 0,
  flight: undefined,
  dueMs: undefined,
  refusedMs: undefined,
};

/** Puts something in the queue. */
export function offerSol(sender: SolSender, item: SolItem): SolSender {
  return { ...sender, items: [...sender.items, item] };
}

/** What goes out now: the next packet, the one under way again, or nothing yet. */
export function turnSol(sender: SolSender, pace: SolPace, nowMs: number): SolTurn {
  const { flight, dueMs, items } = sender;
  if (dueMs !== undefined && nowMs < dueMs) return { sender };
  if (flight) {
    const waitMs = pace.resendMs[flight.tries];
    if (waitMs === undefined) return { sender, isSilent: true };
    const again = { ...flight, tries: flight.tries + 1 };
    return { sender: { ...sender, flight: again, dueMs: nowMs + waitMs }, packet: flight.packet };
  }
  const [item] = items;
  if (!item) return { sender: { ...sender, dueMs: undefined } };
  const sequence = nextSolSequence(sender.sequence);
  const content =
    item.is === 'break'
      ? { flags: pace.breakFlag, octets: NOTHING }
      : { flags: 0, octets: item.octets.subarray(0, pace.octets) };
  const packet: SolPacket = { sequence, ackSequence: 0, accepted: 0, ...content };
  return {
    sender: { ...sender, sequence, flight: { packet, tries: 1 }, dueMs: nowMs + (pace.resendMs[0] ?? 0) },
    packet,
  };
}

/**
 * Takes in what the other side says of the packet under way. What it did not take goes into the next packet, under the
 * next number (§15.11). `done` counts the items that are wholly over. `ackOfNoneIsAll` is for BMCs that do not count.
 */
export function settleSol(
  sender: SolSender,
  heard: SolPacket,
  nowMs: number,
  ackOfNoneIsAll = false,
): { readonly sender: SolSender; readonly done: number } {
  const { flight } = sender;
  const [item, ...later] = sender.items;
  if (!flight || !item || heard.ackSequence !== flight.packet.sequence) return { sender, done: 0 };
  const isNack = (heard.flags & (SOL_STATUS.nack | SOL_STATUS.unavailable)) !== 0;
  const { length } = flight.packet.octets;
  const accepted = ackOfNoneIsAll && !isNack && heard.accepted === 0 ? length : Math.min(heard.accepted, length);
  const left = item.is === 'keys' ? item.octets.subarray(accepted) : NOTHING;
  const isDone = item.is === 'break' ? !isNack : left.length === 0;
  const isStuck = !isDone && accepted === 0;
  const rest = item.is === 'break' ? item : { is: 'keys' as const, octets: left };
  return {
    sender: {
      ...sender,
      items: isDone ? later : [rest, ...later],
      flight: undefined,
      dueMs: isNack || isStuck ? nowMs + REST_MS : undefined,
      refusedMs: isStuck ? (sender.refusedMs ?? nowMs) : undefined,
    },
    done: isDone ? 1 : 0,
  };
}
