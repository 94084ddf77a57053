import { decodeRequest, encodeResponse, type IpmiRequest } from '../../server/wire/ipmi/message.ts';
import { receiveIn, sendIn, type Session } from '../../server/wire/ipmi/session.ts';
import { PAYLOAD } from '../../server/wire/ipmi/session-header.ts';
import { decodeSol, encodeSol, type SolPacket } from '../../server/wire/ipmi/sol.ts';
import { SUITE_17 } from '../../server/wire/ipmi/suite.ts';
import { FRESH_WINDOW } from '../../server/wire/ipmi/window.ts';
import { realCrypto } from './ipmi-crypto.ts';

const keys = {
  sik: new Uint8Array(32),
  integrity: new Uint8Array(32).fill(7),
  confidentiality: new Uint8Array(16).fill(9),
};
const channel = { crypto: realCrypto, suite: SUITE_17, keys };
export const [BMC_ID, CONSOLE_ID] = [0x1001, 0x2002];

/** A session that is up, as the console has it. */
export const consoleSession: Session = {
  channel,
  bmcId: BMC_ID,
  consoleId: CONSOLE_ID,
  sent: 0,
  window: FRESH_WINDOW,
};

/** The same session at its other end: says and reads whatever a test wants. */
export interface BmcEnd {
  say(packet: Partial<SolPacket>): Uint8Array;
  answer(request: { readonly request: IpmiRequest; readonly sequence: number }, data: readonly number[]): Uint8Array;
  /** What a datagram of the console is; nothing for rubbish. */
  read(datagram: Uint8Array): ReadOfBmc | undefined;
}

/** A console's datagram, opened. */
export type ReadOfBmc =
  | { readonly is: 'sol'; readonly packet: SolPacket }
  | { readonly is: 'command'; readonly request: IpmiRequest; readonly sequence: number };

/** The BMC's end of `consoleSession`. */
export function createBmcEnd(): BmcEnd {
  let session: Session = { ...consoleSession, bmcId: CONSOLE_ID, consoleId: BMC_ID };
  const seal = (type: number, payload: Uint8Array): Uint8Array => {
    const sent = sendIn(session, type, payload);
    session = sent.session;
    return sent.datagram;
  };
  const nothing: SolPacket = { sequence: 0, ackSequence: 0, accepted: 0, flags: 0, octets: new Uint8Array(0) };
  return {
    say: (packet) => seal(PAYLOAD.sol, encodeSol({ ...nothing, ...packet })),
    answer: ({ request, sequence }, data) => {
      const { netFn, command } = request;
      const response = { netFn: netFn | 1, command, completion: 0, data: Uint8Array.from(data) };
      return seal(PAYLOAD.ipmi, encodeResponse(response, sequence));
    },
    read: (datagram) => {
      const inside = receiveIn(session, datagram);
      if (!inside) return undefined;
      session = inside.session;
      if (inside.payloadType === PAYLOAD.sol) {
        const packet = decodeSol(inside.payload);
        return packet.ok ? { is: 'sol', packet: packet.value } : undefined;
      }
      const request = decodeRequest(inside.payload);
      return request.ok ? { is: 'command', ...request.value } : undefined;
    },
  };
}
