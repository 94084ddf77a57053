import type { Clock } from '../server/ports/clock.ts';
import type { IpmiRequest, IpmiResponse } from '../server/wire/ipmi/message.ts';
import { octetAt, u16le, u32le } from '../server/wire/ipmi/octets.ts';
import {
  decodeSol,
  encodeSol,
  PAYLOAD_COMMAND,
  SOL_OPERATION,
  SOL_STATUS,
  solAck,
  type SolPacket,
} from '../server/wire/ipmi/sol.ts';
import { IDLE_SENDER, offerSol, settleSol, turnSol, type SolSender } from '../server/wire/ipmi/sol-sender.ts';

/** A board's serial line, as a BMC is wired to it. */
export interface BmcSerial {
  /** What the board says from now on. One listener. */
  listen(heard: (octets: Uint8Array) => void): void;
  write(octets: Uint8Array): void;
  sendBreak(): void;
}

/** A session that may have the line. */
export interface SolHolder {
  readonly bmcId: number;
  send(payload: Uint8Array): void;
}

/** The BMC's half of serial over LAN (IPMI 2.0 §15): one session at a time has the board's line. */
export interface BmcSol {
  /** Activate, Deactivate and Get Payload Instance Info; nothing for other commands. */
  command(holder: SolHolder, request: IpmiRequest): IpmiResponse | undefined;
  packet(holder: SolHolder, payload: Uint8Array): void;
  /** The session is over. */
  released(bmcId: number): void;
}

/** Largest payload in either direction. */
const PAYLOAD_OCTETS = 200;
const RESEND_MS = Array<number>(8).fill(100);
/** What a board says while nobody has the line: kept for whoever comes, the oldest is lost first. */
const KEPT_PACKETS = 64;
const [OK, IN_USE, INVALID_FIELD] = [0x00, 0x80, 0xcc];

interface Site {
  readonly serial: BmcSerial;
  readonly clock: Clock;
  readonly port: () => number;
  holder: SolHolder | undefined;
  sender: SolSender;
  heard: number;
  cancel: () => void;
}

/** SOL over a board's line. `port` is the UDP port the BMC listens on. */
export function createBmcSol(serial: BmcSerial, clock: Clock, port: () => number): BmcSol {
  const site: Site = { serial, clock, port, holder: undefined, sender: IDLE_SENDER, heard: 0, cancel: () => undefined };
  serial.listen((octets) => {
    const kept = site.holder ? site.sender.items : site.sender.items.slice(1 - KEPT_PACKETS);
    site.sender = offerSol({ ...site.sender, items: kept }, { is: 'keys', octets: octets.slice() });
    push(site);
  });
  return {
    command: (holder, request) => command(site, holder, request),
    packet: (holder, payload) => {
      const packet = decodeSol(payload);
      if (packet.ok && site.holder?.bmcId === holder.bmcId) take(site, packet.value);
    },
    released: (bmcId) => {
      if (site.holder?.bmcId === bmcId) give(site, undefined);
    },
  };
}

function give(site: Site, holder: SolHolder | undefined): void {
  site.cancel();
  site.holder = holder;
  site.heard = 0;
  site.sender = { ...IDLE_SENDER, items: site.sender.items };
}

function command(site: Site, holder: SolHolder, { netFn, command: code, data }: IpmiRequest): IpmiResponse | undefined {
  const answer = (completion: number, ...rest: readonly number[]): IpmiResponse => {
    return { netFn: netFn | 1, command: code, completion, data: Uint8Array.from(rest) };
  };
  const isKnown = octetAt(data, 0) === 1 && octetAt(data, 1) === 1;
  switch (code) {
    case PAYLOAD_COMMAND.activate: {
      if (!isKnown) return answer(INVALID_FIELD);
      if (site.holder) return answer(IN_USE);
      give(site, holder);
      site.clock.after(0, () => {
        push(site);
      });
      const size = u16le(PAYLOAD_OCTETS);
      return answer(OK, 0, 0, 0, 0, ...size, ...size, ...u16le(site.port()), 0xff, 0xff);
    }
    case PAYLOAD_COMMAND.deactivate: {
      if (!isKnown || !site.holder) return answer(isKnown ? IN_USE : INVALID_FIELD);
      if (site.holder.bmcId !== holder.bmcId) site.holder.send(encodeSol(solAck(0, 0, SOL_STATUS.deactivated)));
      give(site, undefined);
      return answer(OK);
    }
    case PAYLOAD_COMMAND.instanceInfo:
      return answer(OK, ...u32le(site.holder?.bmcId ?? 0), 0, 0, 0, 0, 0, 0, 0, 0);
    default:
      return undefined;
  }
}

function take(site: Site, packet: SolPacket): void {
  const { sequence, octets, flags } = packet;
  if (sequence !== 0) {
    if (sequence !== site.heard) {
      if (octets.length > 0) site.serial.write(octets.slice());
      if ((flags & SOL_OPERATION.sendBreak) !== 0) site.serial.sendBreak();
    }
    site.heard = sequence;
    site.holder?.send(encodeSol(solAck(sequence, octets.length)));
  }
  site.sender = settleSol(site.sender, packet, site.clock.monotonicMs()).sender;
  push(site);
}

/** Sends what is to be sent now, and comes back when the next sending is due. */
function push(site: Site): void {
  const { holder, clock } = site;
  if (!holder) return;
  site.cancel();
  const nowMs = clock.monotonicMs();
  const turn = turnSol(site.sender, { octets: PAYLOAD_OCTETS, resendMs: RESEND_MS, breakFlag: 0 }, nowMs);
  // A console that acknowledges nothing is given up; what it has missed is for the next one.
  if (turn.isSilent) {
    give(site, undefined);
    return;
  }
  site.sender = turn.sender;
  if (turn.packet) holder.send(encodeSol(turn.packet));
  const { dueMs } = site.sender;
  if (dueMs !== undefined)
    site.cancel = clock.after(Math.max(0, dueMs - nowMs), () => {
      push(site);
    });
}
