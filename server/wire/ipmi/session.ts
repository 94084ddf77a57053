import { decodeRmcp, RMCP_CLASS } from './rmcp.ts';
import { openPayload, sealPayload, type Channel } from './secure.ts';
import { decodeSessionPacket } from './session-header.ts';
import { nextSequence, takeIn, type SequenceWindow } from './window.ts';

/** A session that is up. */
export interface Session {
  readonly channel: Channel;
  readonly bmcId: number;
  readonly consoleId: number;
  readonly sent: number;
  readonly window: SequenceWindow;
}

/** What a session's packet carried, and the session that has taken it in. */
export interface Received {
  readonly session: Session;
  readonly payloadType: number;
  readonly payload: Uint8Array;
  /** The packet's session sequence number: the BMC's own order of sending. */
  readonly sequence: number;
}

/** Seals a payload under the session's next number: each sending has one of its own, repetitions too. */
export function sendIn(
  session: Session,
  payloadType: number,
  payload: Uint8Array,
): { readonly session: Session; readonly datagram: Uint8Array } {
  const sequence = nextSequence(session.sent);
  const datagram = sealPayload(session.channel, payloadType, { sessionId: session.bmcId, sequence, payload });
  return { session: { ...session, sent: sequence }, datagram };
}

/** Opens a datagram of the session; nothing for what is not proven to be the BMC's, repeated or too old. */
export function receiveIn(session: Session, datagram: Uint8Array): Received | undefined {
  const rmcp = decodeRmcp(datagram);
  if (!rmcp.ok || rmcp.value.messageClass !== RMCP_CLASS.ipmi) return undefined;
  const packet = decodeSessionPacket(rmcp.value.body, session.channel.suite.integrityOctets);
  if (!packet.ok || packet.value.sessionId !== session.consoleId) return undefined;
  const { payloadType, sequence } = packet.value;
  const payload = openPayload(session.channel, packet.value);
  // The window moves only by packets that were proven to be the BMC's.
  const window = payload.ok ? takeIn(session.window, sequence) : undefined;
  if (!payload.ok || !window) return undefined;
  return { session: { ...session, window }, payloadType, payload: payload.value, sequence };
}
