import type { Clock } from '../server/ports/clock.ts';
import { COMMAND } from '../server/wire/ipmi/commands.ts';
import type { IpmiCrypto } from '../server/wire/ipmi/crypto.ts';
import { decodeRequest, encodeResponse, type IpmiRequest, type IpmiResponse } from '../server/wire/ipmi/message.ts';
import { latin1, readU32le } from '../server/wire/ipmi/octets.ts';
import {
  decodeOpenRequest,
  encodeOpenRefusal,
  encodeOpenResponse,
  PRIVILEGE,
} from '../server/wire/ipmi/open-session.ts';
import {
  decodeRakp1,
  decodeRakpReply,
  encodeRakp2Rest,
  encodeRakpReply,
  privilegeOnly,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionKeys,
  type Handshake,
} from '../server/wire/ipmi/rakp.ts';
import { plainDatagram } from '../server/wire/ipmi/secure.ts';
import { receiveIn, sendIn, type Session } from '../server/wire/ipmi/session.ts';
import { decodeSessionPacket, PAYLOAD } from '../server/wire/ipmi/session-header.ts';
import type { CipherSuite } from '../server/wire/ipmi/suite.ts';
import { FRESH_WINDOW } from '../server/wire/ipmi/window.ts';
import type { HandshakeQuirks } from '../server/wire/ipmi/exchange-state.ts';
import type { BmcSol, SolHolder } from './bmc-sol.ts';

/** Slots; real BMCs have four or five. */
const SESSIONS_MAX = 16;
const IDLE_MS = 60_000;
const RMCP_OCTETS = 4;
const RAKP1_OCTETS = 44;
const STATUS = { full: 0x01, unknownSession: 0x02, noSuite: 0x11, noUser: 0x0d, badCode: 0x0f } as const;

/** Who may log in, and how. */
export interface BmcAccess {
  readonly crypto: IpmiCrypto;
  readonly clock: Clock;
  readonly user: string;
  readonly password: string;
  readonly kg: string | undefined;
  readonly suites: readonly CipherSuite[];
  /** The board's serial line, where there is one. */
  readonly sol: BmcSol | undefined;
  /** Departs from the specification so that only a console with these quirks can log in. */
  readonly quirks?: Partial<HandshakeQuirks>;
}

interface Open {
  readonly suite: CipherSuite;
  readonly consoleId: number;
  readonly bmcId: number;
  usedMs: number;
  proof?: { readonly handshake: Handshake; readonly reply: Uint8Array };
  up?: { readonly reply: Uint8Array };
  /** The session as its BMC sees it: the ids have changed sides. */
  ours?: Session;
  last?: { readonly sequence: number; readonly command: number; readonly message: Uint8Array };
}

/** How a session's console is reached, for what nobody asked for. */
export type Reach = (datagram: Uint8Array) => void;

/** The BMC's half of RMCP+: handshakes and sessions. Answers each datagram with one, or not at all. */
export interface BmcSessions {
  answer(datagram: Uint8Array, act: (request: IpmiRequest) => IpmiResponse, reach: Reach): Uint8Array | undefined;
  count(): number;
  /** Every login is refused as by an unknown user. */
  refuseLogins(refuse: boolean): void;
  /** Answers inside sessions carry a session id that is not the console's. */
  misaddress(wrong: boolean): void;
}

interface Site {
  readonly access: BmcAccess;
  readonly sessions: Map<number, Open>;
  isRefusing: boolean;
  isMisaddressing: boolean;
}

/** No session yet. */
export function createBmcSessions(access: BmcAccess): BmcSessions {
  const site: Site = { access, sessions: new Map(), isRefusing: false, isMisaddressing: false };
  return {
    answer: (datagram, act, reach) => {
      const body = datagram.subarray(RMCP_OCTETS);
      const type = (body[1] ?? 0) & 63;
      if (type === PAYLOAD.ipmi || type === PAYLOAD.sol) return inSession(site, datagram, act, reach);
      const packet = decodeSessionPacket(body, 0);
      if (!packet.ok || packet.value.encrypted || packet.value.authenticated) return undefined;
      return shakeHands(site, type, packet.value.payload);
    },
    count: () => site.sessions.size,
    refuseLogins: (refuse) => {
      site.isRefusing = refuse;
    },
    misaddress: (wrong) => {
      site.isMisaddressing = wrong;
    },
  };
}

function shakeHands(site: Site, type: number, payload: Uint8Array): Uint8Array | undefined {
  const plain = (replyType: number, reply: Uint8Array | undefined): Uint8Array | undefined =>
    reply && plainDatagram(replyType, reply);
  if (type === PAYLOAD.openRequest) return plain(PAYLOAD.openResponse, open(site, payload));
  if (type === PAYLOAD.rakp1) return plain(PAYLOAD.rakp2, prove(site, payload));
  if (type === PAYLOAD.rakp3) return plain(PAYLOAD.rakp4, finish(site, payload));
  return undefined;
}

function open({ access, sessions }: Site, payload: Uint8Array): Uint8Array | undefined {
  const { crypto, clock, suites } = access;
  const request = decodeOpenRequest(payload);
  if (!request.ok) return undefined;
  for (const [id, each] of sessions) if (clock.monotonicMs() - each.usedMs > IDLE_MS) drop({ access, sessions }, id);
  const { tag, consoleId, suite } = request.value;
  // 0 asks for the highest level these algorithms may have (§13.17); freeipmi checks what it is told.
  const privilege = request.value.privilege || PRIVILEGE.administrator;
  if (!suite || !suites.includes(suite)) return encodeOpenRefusal(tag, STATUS.noSuite, consoleId);
  // Asked again because our answer was lost: the same slot, not another one.
  const known = [...sessions.values()].find(
    (each) => each.consoleId === consoleId && each.suite === suite && !each.proof,
  );
  if (known) return encodeOpenResponse(tag, known, privilege, suite);
  if (sessions.size >= SESSIONS_MAX) return encodeOpenRefusal(tag, STATUS.full, consoleId);
  const bmcId = Math.max(1, readU32le(crypto.random(4), 0));
  sessions.set(bmcId, { suite, consoleId, bmcId, usedMs: clock.monotonicMs() });
  return encodeOpenResponse(tag, { consoleId, bmcId }, privilege, suite);
}

function refusal(tag: number, status: number, session: Open | undefined): Uint8Array {
  return encodeRakpReply({ tag, status, sessionId: session?.consoleId ?? 0, rest: new Uint8Array(0) });
}

function prove({ access, sessions, isRefusing }: Site, payload: Uint8Array): Uint8Array | undefined {
  const { crypto, quirks } = access;
  const rakp1 = decodeRakp1(payload);
  if (!rakp1.ok || (quirks?.padsUser && payload.length < RAKP1_OCTETS)) return undefined;
  const { tag, bmcId, role } = rakp1.value;
  const [consoleRandom, user] = [rakp1.value.consoleRandom.slice(), rakp1.value.user.slice()];
  const session = sessions.get(bmcId);
  if (!session) return refusal(tag, STATUS.unknownSession, session);
  // A repetition gets the same answer: new random numbers would put the console out of step.
  if (session.proof && crypto.equal(session.proof.handshake.consoleRandom, consoleRandom)) return session.proof.reply;
  if (isRefusing || !crypto.equal(user, latin1(access.user))) return refusal(tag, STATUS.noUser, session);
  const { suite, consoleId } = session;
  const [bmcRandom, bmcGuid] = [crypto.random(16), latin1('farrier-bmc-guid')];
  const handshake: Handshake = { suite, consoleId, bmcId, consoleRandom, bmcRandom, bmcGuid, role, user };
  const code = rakp2Code(crypto, handshake, latin1(access.password));
  const rest = encodeRakp2Rest({ bmcRandom, bmcGuid, code });
  const reply = encodeRakpReply({ tag, status: 0, sessionId: consoleId, rest });
  session.proof = { handshake, reply };
  return reply;
}

function finish({ access, sessions }: Site, payload: Uint8Array): Uint8Array | undefined {
  const { crypto, quirks } = access;
  const rakp3 = decodeRakpReply(payload);
  if (!rakp3.ok) return undefined;
  const { tag, sessionId, rest } = rakp3.value;
  const session = sessions.get(sessionId);
  if (!session?.proof) return refusal(tag, STATUS.unknownSession, session);
  if (session.up) return session.up.reply;
  const { handshake } = session.proof;
  const { suite } = session;
  const signed = quirks?.signsPrivilegeOnly ? privilegeOnly(handshake) : handshake;
  if (!crypto.equal(rest.subarray(0, suite.codeOctets), rakp3Code(crypto, signed, latin1(access.password))))
    return refusal(tag, STATUS.badCode, session);
  const keyed = quirks?.keysPrivilegeOnly ? privilegeOnly(handshake) : handshake;
  const keys = sessionKeys(crypto, keyed, latin1(access.kg ?? access.password));
  const code = rakp4Code(crypto, handshake, keys.sik);
  const reply = encodeRakpReply({ tag, status: 0, sessionId: session.consoleId, rest: code });
  const channel = { crypto, suite, keys };
  session.up = { reply };
  session.ours = { channel, bmcId: session.consoleId, consoleId: session.bmcId, sent: 0, window: FRESH_WINDOW };
  return reply;
}

function inSession(
  { access, sessions, isMisaddressing }: Site,
  datagram: Uint8Array,
  act: (request: IpmiRequest) => IpmiResponse,
  reach: Reach,
): Uint8Array | undefined {
  const session = sessions.get(readU32le(datagram, RMCP_OCTETS + 2));
  const inside = session?.ours && receiveIn(session.ours, datagram);
  if (!session || !inside) return undefined;
  session.ours = inside.session;
  session.usedMs = access.clock.monotonicMs();
  const holder: SolHolder = {
    bmcId: session.bmcId,
    send: (payload) => {
      const sealed = seal(session, PAYLOAD.sol, payload, false);
      if (sealed) reach(sealed);
    },
  };
  if (inside.payloadType === PAYLOAD.sol) {
    access.sol?.packet(holder, inside.payload);
    return undefined;
  }
  const answer = obey(session, inside.payload, (request) => access.sol?.command(holder, request) ?? act(request));
  if (!answer) return undefined;
  if (answer[5] === COMMAND.closeSession) drop({ access, sessions }, session.bmcId);
  return seal(session, PAYLOAD.ipmi, answer, isMisaddressing);
}

function drop({ access, sessions }: Pick<Site, 'access' | 'sessions'>, bmcId: number): void {
  sessions.delete(bmcId);
  access.sol?.released(bmcId);
}

function seal(session: Open, payloadType: number, payload: Uint8Array, isAstray: boolean): Uint8Array | undefined {
  if (!session.ours) return undefined;
  const to = isAstray ? session.ours.bmcId ^ 1 : session.ours.bmcId;
  const sent = sendIn({ ...session.ours, bmcId: to }, payloadType, payload);
  session.ours = { ...sent.session, bmcId: session.ours.bmcId };
  return sent.datagram;
}

function obey(session: Open, message: Uint8Array, act: (request: IpmiRequest) => IpmiResponse): Uint8Array | undefined {
  const request = decodeRequest(message);
  if (!request.ok) return undefined;
  const { sequence } = request.value;
  const { command } = request.value.request;
  // Sent again because our answer was lost: answered again, not done again.
  if (session.last?.sequence === sequence && session.last.command === command) return session.last.message;
  const answer = encodeResponse(act(request.value.request), sequence);
  session.last = { sequence, command, message: answer };
  return answer;
}
