import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../server/ports/clock.ts';
import type { IpmiCrypto } from '../server/wire/ipmi/crypto.ts';
import {
  decodeRequest,
  encodeResponse,
  NET_FN,
  type IpmiRequest,
  type IpmiResponse,
} from '../server/wire/ipmi/message.ts';
import { COMMAND } from '../server/wire/ipmi/commands.ts';
import type { HandshakeQuirks } from '../server/wire/ipmi/exchange-state.ts';
import { decodePing, decodeRmcp, encodePong, encodeRmcp, RMCP_CLASS } from '../server/wire/ipmi/rmcp.ts';
import { plainDatagram } from '../server/wire/ipmi/secure.ts';
import { decodeSessionPacket, decodeV15, encodeV15, isRmcpPlus, PAYLOAD } from '../server/wire/ipmi/session-header.ts';
import { SUITES, type CipherSuite } from '../server/wire/ipmi/suite.ts';
import { createBmcChassis, type BmcBootDevice, type BmcChassis, type BmcPower } from './bmc-chassis.ts';
import { createBmcSessions, type BmcSessions, type Reach } from './bmc-sessions.ts';
import { createBmcSol, type BmcSerial } from './bmc-sol.ts';

/** How a virtual BMC misbehaves. `stays-off`: orders are taken with a yes and nothing happens. */
export type BmcFault =
  'none' | 'silent' | 'slow' | 'half-packet' | 'wrong-session' | 'stays-off' | 'refuses-login' | 'busy';

/** A BMC to be. */
export interface VirtualBmcOptions {
  readonly address: string;
  /** UDP port; 0 takes a free one. */
  readonly port: number;
  readonly user: string;
  /** Up to 20 characters. */
  readonly password: string;
  readonly kg?: string;
  /** Suites 17 and 3 unless told. */
  readonly suites?: readonly CipherSuite[];
  readonly power: BmcPower;
  /** Controllers behind this one, by address. */
  readonly behind?: ReadonlyMap<number, BmcChassis>;
  /** Departs from the specification so that only a console with these quirks can log in. */
  readonly quirks?: Partial<HandshakeQuirks>;
  /** The board's serial line; without one there is no serial over LAN. */
  readonly serial?: BmcSerial;
  /** The port it names for SOL; its own unless told. */
  readonly solPort?: number;
  readonly crypto: IpmiCrypto;
  readonly clock: Clock;
}

/** A BMC that speaks real RMCP+ on a UDP socket of its own; ipmitool takes it for one. */
export interface VirtualBmc {
  readonly address: string;
  readonly port: number;
  /** Misbehaves so from now on. */
  fault(mode: BmcFault): void;
  /** What the next boot was ordered to come from; asking uses a one-time wish up. */
  takeBootDevice(): BmcBootDevice;
  /** Seconds its light was last told to blink. */
  blinkS(): number;
  /** Sessions that are open. */
  sessions(): number;
  stop(): Promise<void>;
}

/** Get Channel Cipher Suites. */
const CIPHER_SUITES = 0x54;
/** Delay of every answer of a `slow` BMC. */
const SLOW_MS = 3000;

interface Parts {
  readonly chassis: BmcChassis;
  readonly sessions: BmcSessions;
}

/** Starts a virtual BMC; resolves when its socket is bound. */
export async function startVirtualBmc(options: VirtualBmcOptions): Promise<VirtualBmc> {
  const { clock, kg, suites = SUITES, quirks, behind } = options;
  const socket = createSocket('udp4');
  const { serial } = options;
  const sol = serial && createBmcSol(serial, clock, () => options.solPort ?? socket.address().port);
  const parts: Parts = {
    chassis: createBmcChassis(options.power, clock, {
      needsKg: kg !== undefined || quirks?.ignoresCapabilities === true,
      suites,
      behind,
    }),
    sessions: createBmcSessions({ ...options, kg, suites, sol }),
  };
  let mode: BmcFault = 'none';
  let isOpen = true;
  socket.on('message', (datagram, from) => {
    const reach = (unasked: Uint8Array): void => {
      if (isOpen && mode !== 'silent') send(socket, unasked, from);
    };
    const reply = mode === 'silent' ? undefined : answer(parts, datagram, mode === 'busy', reach);
    if (!reply) return;
    const sent = mode === 'half-packet' ? reply.subarray(0, reply.length >> 1) : reply;
    const give = (): void => {
      if (isOpen) send(socket, sent, from);
    };
    if (mode === 'slow') clock.after(SLOW_MS, give);
    else give();
  });
  socket.bind(options.port, options.address);
  await once(socket, 'listening');
  return {
    address: options.address,
    port: socket.address().port,
    fault: (next) => {
      mode = next;
      parts.chassis.ignoreOrders(next === 'stays-off');
      parts.sessions.refuseLogins(next === 'refuses-login');
      parts.sessions.misaddress(next === 'wrong-session');
    },
    takeBootDevice: () => parts.chassis.takeBootDevice(),
    blinkS: () => parts.chassis.blinkS(),
    sessions: () => parts.sessions.count(),
    stop: async () => {
      isOpen = false;
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

function send(socket: Socket, octets: Uint8Array, to: RemoteInfo): void {
  socket.send(octets, to.port, to.address);
}

function answer(
  { chassis, sessions }: Parts,
  datagram: Uint8Array,
  isBusy: boolean,
  reach: Reach,
): Uint8Array | undefined {
  const rmcp = decodeRmcp(datagram);
  if (!rmcp.ok) return undefined;
  const { messageClass, body } = rmcp.value;
  if (messageClass === RMCP_CLASS.asf) {
    const tag = decodePing(body);
    return tag === undefined ? undefined : encodePong(tag);
  }
  if (messageClass !== RMCP_CLASS.ipmi) return undefined;
  const outside = messageOutside(body);
  if (outside) return answerOutside(chassis, outside, isRmcpPlus(body));
  const act = (request: IpmiRequest): IpmiResponse => {
    const said = chassis.answer(request);
    return isBusy ? { ...said, completion: 0xc0, data: new Uint8Array(0) } : said;
  };
  return sessions.answer(datagram, act, reach);
}

/** The message of a packet outside of any session, which comes in either format; ipmitool uses both. */
function messageOutside(body: Uint8Array): Uint8Array | undefined {
  if (!isRmcpPlus(body)) {
    const message = decodeV15(body);
    return message.ok ? message.value : undefined;
  }
  const packet = decodeSessionPacket(body, 0);
  if (!packet.ok || packet.value.payloadType !== PAYLOAD.ipmi || packet.value.sessionId !== 0) return undefined;
  return packet.value.encrypted || packet.value.authenticated ? undefined : packet.value.payload;
}

/** What a BMC says to anybody: how one may log in, and nothing else (IPMI 2.0 §22.13, §22.15). */
function answerOutside(chassis: BmcChassis, message: Uint8Array, isPlus: boolean): Uint8Array | undefined {
  const request = decodeRequest(message);
  if (!request.ok) return undefined;
  const { command, netFn } = request.value.request;
  if (netFn !== NET_FN.app || (command !== COMMAND.authCapabilities && command !== CIPHER_SUITES)) return undefined;
  const reply = encodeResponse(chassis.answer(request.value.request), request.value.sequence);
  return isPlus ? plainDatagram(PAYLOAD.ipmi, reply) : encodeRmcp(RMCP_CLASS.ipmi, encodeV15(reply));
}
