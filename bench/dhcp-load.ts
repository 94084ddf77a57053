import { ipv4, NO_ADDRESS, type Ipv4 } from '../server/core/address.ts';
import { udpOnDevice, type DeviceSocket } from '../server/net/udp-on-device.ts';
import { encodeMessage } from '../server/wire/dhcp/encode.ts';
import { decodeMessage, messageType, numberOfType } from '../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../server/wire/dhcp/option-field.ts';
import { ipv4Option, octetsOfU32, OPT } from '../server/wire/dhcp/options.ts';

/** What one run of handshakes came to. */
export interface LoadResult {
  readonly handshakes: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds from DISCOVER to ACK. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly retransmissions: number;
  readonly naks: number;
  /** Must equal `handshakes`: each client has an address of its own. */
  readonly addresses: number;
}

const TO_SERVER = { address: ipv4(0xffffffff), port: 67 };
const RETRANSMIT_MS = 1000;
const PARAMETERS: OptionToSend = [OPT.parameterRequestList, Uint8Array.of(1, 3, 6, 12, 15, 28, 51, 54, 66, 67)];

interface Handshake {
  readonly chaddr: Uint8Array;
  readonly startMs: number;
  sentMs: number;
  offered: Ipv4 | undefined;
  serverId: Ipv4 | undefined;
}

/**
 * Runs DISCOVER, OFFER, REQUEST, ACK for `handshakes` clients with consecutive MACs, `outstanding` at a time, from port 68
 * of a device, and checks that no address was given twice. Lost messages are sent again after a second.
 */
export async function runLoad(
  device: string,
  firstMac: number,
  handshakes: number,
  outstanding: number,
): Promise<LoadResult> {
  const open = new Map<number, Handshake>();
  const [given, timesMs] = [new Set<Ipv4>(), [] as number[]];
  let [started, retransmissions, naks] = [0, 0, 0];
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const socket: DeviceSocket = await udpOnDevice(device, 68, {
    datagram: (octets) => {
      take(octets);
    },
    lost: (error) => {
      throw error;
    },
  });
  const send = (xid: number, handshake: Handshake): void => {
    handshake.sentMs = performance.now();
    socket.send(requestOf(xid, handshake), TO_SERVER, (error) => {
      throw error;
    });
  };
  const begin = (): void => {
    if (started >= handshakes) return;
    const xid = (firstMac + started) >>> 0;
    const now = performance.now();
    const chaddr = Uint8Array.of(0x52, 0x54, ...octetsOfU32(xid));
    const handshake: Handshake = { chaddr, startMs: now, sentMs: now, offered: undefined, serverId: undefined };
    started += 1;
    open.set(xid, handshake);
    send(xid, handshake);
  };
  const take = (octets: Uint8Array): void => {
    const decoded = decodeMessage(octets);
    const handshake = decoded.ok ? open.get(decoded.value.xid) : undefined;
    if (!decoded.ok || !handshake || decoded.value.op !== 2) return;
    const { xid, yiaddr, options } = decoded.value;
    const type = messageType(options);
    if (type === 'OFFER' && handshake.offered === undefined) {
      handshake.offered = yiaddr;
      handshake.serverId = ipv4Option(options, OPT.serverId);
      send(xid, handshake);
    } else if (type === 'NAK') {
      naks += 1;
      handshake.offered = undefined;
      send(xid, handshake);
    } else if (type === 'ACK') {
      open.delete(xid);
      given.add(yiaddr);
      timesMs.push(performance.now() - handshake.startMs);
      begin();
      if (timesMs.length === handshakes) finish();
    }
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [xid, handshake] of open)
      if (now - handshake.sentMs > RETRANSMIT_MS) {
        retransmissions += 1;
        send(xid, handshake);
      }
  }, 100);
  const startMs = performance.now();
  for (let n = 0; n < outstanding; n += 1) begin();
  await finished;
  const seconds = (performance.now() - startMs) / 1000;
  clearInterval(timer);
  await socket.close();
  timesMs.sort((a, b) => a - b);
  const at = (share: number): number => timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))] ?? 0;
  const figures = { medianMs: at(0.5), p99Ms: at(0.99), retransmissions, naks, addresses: given.size };
  return { handshakes, seconds, perSecond: handshakes / seconds, ...figures };
}

function requestOf(xid: number, handshake: Handshake): Uint8Array {
  const { offered, serverId, chaddr } = handshake;
  const type = offered === undefined ? 'DISCOVER' : 'REQUEST';
  const options: OptionToSend[] = [[OPT.messageType, Uint8Array.of(numberOfType(type))], PARAMETERS];
  if (offered !== undefined) options.push([OPT.requestedAddress, octetsOfU32(offered)]);
  if (offered !== undefined && serverId !== undefined) options.push([OPT.serverId, octetsOfU32(serverId)]);
  const header = { op: 1, htype: 1, hlen: 6, hops: 0, xid, secs: 0, flags: 0x8000 };
  const addresses = { ciaddr: NO_ADDRESS, yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, giaddr: NO_ADDRESS };
  return encodeMessage({ ...header, ...addresses, chaddr, sname: '', file: '' }, options, {
    datagramOctets: 1500,
    mayOverload: false,
  }).octets;
}
