import type { IpmiCrypto } from './crypto.ts';
import type { Hop, IpmiRequest, IpmiResponse } from './message.ts';
import type { Handshake } from './rakp.ts';
import type { Channel } from './secure.ts';
import type { Session } from './session.ts';
import type { CipherSuite } from './suite.ts';
import type { IpmiTrouble } from './words.ts';

/** One command of an exchange. */
export interface ExchangeRequest {
  readonly request: IpmiRequest;
  /** Never sent twice, for commands whose repetition would be felt (reset). */
  readonly once?: boolean;
  /** A completion code other than 0 is no failure. */
  readonly optional?: boolean;
  /** The controllers behind the BMC it goes through; the last one obeys. Nothing: the BMC itself. */
  readonly route?: readonly Hop[];
  /** What this command's own completion codes mean. */
  readonly words?: Readonly<Record<number, IpmiTrouble>>;
}

/** Departures of BMCs from the specification that a handshake can bear. */
export interface HandshakeQuirks {
  /** What the BMC says of K_g and of IPMI 2.0 before the session is not believed. */
  readonly ignoresCapabilities: boolean;
  /** RAKP 1 is 44 octets long, whatever the length of the user name. */
  readonly padsUser: boolean;
  /** RAKP 3 is signed over the privilege alone, without the name-only bit. */
  readonly signsPrivilegeOnly: boolean;
  /** The session key too. */
  readonly keysPrivilegeOnly: boolean;
}

/** Everything one exchange with a BMC is to do and know. */
export interface ExchangeOrder {
  readonly crypto: IpmiCrypto;
  /** Latin-1, up to 16 octets. */
  readonly user: Uint8Array;
  /** Up to 20 octets. */
  readonly password: Uint8Array;
  /** K_G; nothing where the BMC has none. */
  readonly kg: Uint8Array | undefined;
  /** In order of preference. */
  readonly suites: readonly CipherSuite[];
  /** `PRIVILEGE` level that the commands need. */
  readonly privilege: number;
  readonly requests: readonly ExchangeRequest[];
  /** How long each sending is waited for; as many sendings as there are entries. */
  readonly resendMs: readonly number[];
  /** The session is not closed but handed over when all is answered: a console goes on in it. */
  readonly stays?: boolean;
  /** How our side gives way to a BMC that departs from the specification. */
  readonly quirks?: Partial<HandshakeQuirks>;
}

/** What an exchange hears of; times are of the monotonic clock. */
export type ExchangeEvent =
  | { readonly is: 'start'; readonly nowMs: number }
  | { readonly is: 'datagram'; readonly octets: Uint8Array; readonly nowMs: number }
  | { readonly is: 'tick'; readonly nowMs: number };

/** One answer per request, in order; the session is there when it was to stay. */
export type ExchangeOutcome =
  | {
      readonly is: 'answered';
      readonly answers: readonly IpmiResponse[];
      readonly session: Session | undefined;
    }
  | { readonly is: 'failed'; readonly trouble: IpmiTrouble };

/** What its owner must do next. */
export type ExchangeAction =
  { readonly do: 'send'; readonly datagram: Uint8Array } | { readonly do: 'end'; readonly outcome: ExchangeOutcome };

/** Half of a handshake: RAKP 1 is under way. */
type HalfHandshake = Omit<Handshake, 'bmcRandom' | 'bmcGuid'>;

/** How far a session has come (§13.15 to §13.24). */
export type Phase =
  | { readonly at: 'idle' }
  | { readonly at: 'asking' }
  | {
      readonly at: 'opening';
      readonly suite: CipherSuite;
      readonly consoleId: number;
      readonly later: readonly CipherSuite[];
    }
  | { readonly at: 'proving'; readonly half: HalfHandshake }
  | { readonly at: 'keying'; readonly handshake: Handshake; readonly channel: Channel }
  | {
      readonly at: 'commanding';
      readonly session: Session;
      readonly index: number;
      readonly answers: readonly IpmiResponse[];
    }
  | { readonly at: 'closing'; readonly session: Session; readonly outcome: ExchangeOutcome }
  | { readonly at: 'over' };

/** What is repeated when nothing answers: a datagram as it was, or a message sealed under a fresh sequence number. */
type Outgoing =
  { readonly is: 'datagram'; readonly octets: Uint8Array } | { readonly is: 'message'; readonly octets: Uint8Array };

/** The state between two events. `dueMs` says when the next tick is wanted; nothing when none is. */
export interface ExchangeState {
  readonly order: ExchangeOrder;
  readonly phase: Phase;
  readonly outgoing: Outgoing;
  readonly tries: number;
  readonly dueMs: number | undefined;
  /** Message tag and request sequence of what is under way. */
  readonly tag: number;
  /** Whether the BMC has ever answered anything. */
  readonly heard: boolean;
  /** Whether a handshake message had to be repeated. */
  readonly repeated: boolean;
}

/** The next state, and what to do in this order. */
export interface Step {
  readonly state: ExchangeState;
  readonly actions: readonly ExchangeAction[];
}
