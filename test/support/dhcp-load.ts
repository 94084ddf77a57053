import { ipv4, NO_ADDRESS } from '../../server/core/address.ts';
import { udpOnDevice, type DeviceSocket } from '../../server/net/udp-on-device.ts';
import { encodeMessage } from '../../server/wire/dhcp/encode.ts';
import { HEADER_OCTETS, numberOfType, type MessageType } from '../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { octetsOfText, octetsOfU32, OPT } from '../../server/wire/dhcp/options.ts';

/** Who asks: `firstMac` and those after it, `clients` in all, one after another and round again. */
export interface Load {
  readonly firstMac: number;
  readonly clients: number;
  readonly handshakes: number;
  readonly outstanding: number;
  /** Whether they ask as UEFI firmware does, or as an operating system's DHCP client. */
  readonly isFirmware: boolean;
  /** Told of each ACK at once: the client (as `firstMac` counts) and its address. */
  readonly onAck?: (mac: number, address: number) => void;
}

/** What one run of handshakes came to. */
export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds from DISCOVER to ACK. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly retransmissions: number;
  readonly naks: number;
}

/** Where handshakes are run from. */
export interface LoadSource {
  /** DISCOVER, OFFER, REQUEST, ACK for each client. @throws when two clients got the same address. */
  run(load: Load): Promise<LoadResult>;
  /** Ends the run under way as if it had been done: who asked is answered no more. */
  halt(): void;
  close(): Promise<void>;
}

const TO_SERVER = { address: ipv4(0xffffffff), port: 67 };
const RETRANSMIT_MS = 1000;
const [XID_AT, YIADDR_AT, CHADDR_AT] = [4, 16, 28];
const TYPE = { offer: numberOfType('OFFER'), ack: numberOfType('ACK'), nak: numberOfType('NAK') };
/** Both come first in a REQUEST, after the three octets of its type. */
const [REQUESTED_AT, SERVER_ID_AT] = [HEADER_OCTETS + 5, HEADER_OCTETS + 11];

interface Handshake {
  readonly mac: number;
  readonly startMs: number;
  sentMs: number;
  datagram: Uint8Array;
}

interface Run {
  readonly load: Load;
  readonly open: Map<number, Handshake>;
  readonly addressOf: Map<number, number>;
  readonly timesMs: number[];
  readonly finish: () => void;
  started: number;
  retransmissions: number;
  naks: number;
}

/** Opens port 68 of a device. Datagrams are patched, not made anew, so that the load costs less than what is measured. */
export async function openLoad(device: string): Promise<LoadSource> {
  let [nextXid, run] = [1, undefined as Run | undefined];
  const socket: DeviceSocket = await udpOnDevice(device, 68, {
    datagram: (octets) => {
      if (run) take(run, octets);
    },
    lost: fail,
  });
  const send = (handshake: Handshake): void => {
    handshake.sentMs = performance.now();
    socket.send(handshake.datagram, TO_SERVER, fail);
  };
  const begin = (current: Run): void => {
    const { load, open } = current;
    if (current.started >= load.handshakes) return;
    const xid = nextXid++;
    const mac = load.firstMac + (current.started % load.clients);
    const now = performance.now();
    const handshake = { mac, startMs: now, sentMs: now, datagram: datagramOf('DISCOVER', load, xid, mac) };
    current.started += 1;
    open.set(xid, handshake);
    send(handshake);
  };
  const take = (current: Run, octets: Uint8Array): void => {
    const { load, open, timesMs } = current;
    const xid = u32At(octets, XID_AT);
    const handshake = open.get(xid);
    if (!handshake || octets[0] !== 2) return;
    const type = octets[valueAt(octets, OPT.messageType)];
    if (type === TYPE.offer && handshake.datagram[HEADER_OCTETS + 2] === numberOfType('DISCOVER')) {
      handshake.datagram = datagramOf('REQUEST', load, xid, handshake.mac);
      handshake.datagram.set(octets.subarray(YIADDR_AT, YIADDR_AT + 4), REQUESTED_AT);
      const serverId = valueAt(octets, OPT.serverId);
      handshake.datagram.set(octets.subarray(serverId, serverId + 4), SERVER_ID_AT);
      send(handshake);
    } else if (type === TYPE.nak) {
      current.naks += 1;
      handshake.datagram = datagramOf('DISCOVER', load, xid, handshake.mac);
      send(handshake);
    } else if (type === TYPE.ack) {
      open.delete(xid);
      const address = u32At(octets, YIADDR_AT);
      current.addressOf.set(handshake.mac, address);
      timesMs.push(performance.now() - handshake.startMs);
      load.onAck?.(handshake.mac, address);
      if (timesMs.length === load.handshakes) current.finish();
      else begin(current);
    }
  };
  return {
    run: async (load) => {
      const startMs = performance.now();
      let finish = (): void => undefined;
      const finished = new Promise<void>((resolve) => (finish = resolve));
      const counts = { started: 0, retransmissions: 0, naks: 0 };
      const current: Run = { load, open: new Map(), addressOf: new Map(), timesMs: [], finish, ...counts };
      run = current;
      const stopResending = resendLost(current, send);
      for (let n = 0; n < load.outstanding; n += 1) begin(current);
      await finished;
      stopResending();
      return resultOf(current, (performance.now() - startMs) / 1000);
    },
    halt: () => {
      run?.finish();
      run = undefined;
    },
    close: () => socket.close(),
  };
}

function fail(error: Error): void {
  throw error;
}

function resendLost(run: Run, send: (handshake: Handshake) => void): () => void {
  const timer = setInterval(() => {
    const now = performance.now();
    for (const handshake of run.open.values())
      if (now - handshake.sentMs > RETRANSMIT_MS) {
        run.retransmissions += 1;
        send(handshake);
      }
  }, 100);
  return () => {
    clearInterval(timer);
  };
}

function resultOf({ addressOf, timesMs, retransmissions, naks }: Run, seconds: number): LoadResult {
  if (new Set(addressOf.values()).size !== addressOf.size) throw new Error('two clients got the same address');
  timesMs.sort((a, b) => a - b);
  const at = (share: number): number => timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))] ?? 0;
  return { perSecond: timesMs.length / seconds, medianMs: at(0.5), p99Ms: at(0.99), retransmissions, naks };
}

function u32At(octets: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** Where the value of an option begins in a server's well-formed answer. */
function valueAt(octets: Uint8Array, code: number): number {
  let at = HEADER_OCTETS;
  while (at < octets.length && octets[at] !== code) at += octets[at] === OPT.pad ? 1 : 2 + (octets[at + 1] ?? 0);
  return at + 2;
}

function datagramOf(type: 'DISCOVER' | 'REQUEST', { isFirmware }: Load, xid: number, mac: number): Uint8Array {
  const datagram = TEMPLATES[isFirmware ? 'firmware' : 'system'][type].slice();
  datagram.set(octetsOfU32(xid), XID_AT);
  datagram.set(octetsOfU32(mac), CHADDR_AT + 2);
  return datagram;
}

const SYSTEM: readonly OptionToSend[] = [
  [OPT.parameterRequestList, Uint8Array.of(1, 3, 6, 12, 15, 28, 51, 54, 66, 67)],
];
const FIRMWARE: readonly OptionToSend[] = [
  [OPT.maxMessageSize, Uint8Array.of(5, 192)],
  [OPT.parameterRequestList, Uint8Array.of(1, 2, 3, 4, 5, 6, 12, 13, 15, 43, 54, 60, 66, 67, 97, 128, 150)],
  [OPT.clientArch, Uint8Array.of(0, 7)],
  [OPT.clientNdi, Uint8Array.of(1, 3, 0)],
  [OPT.vendorClass, octetsOfText('PXEClient:Arch:00007:UNDI:003000')],
];
const TEMPLATES = { system: templates(SYSTEM), firmware: templates(FIRMWARE) };

function templates(options: readonly OptionToSend[]): Readonly<Record<'DISCOVER' | 'REQUEST', Uint8Array>> {
  const [requested, serverId] = [
    [OPT.requestedAddress, new Uint8Array(4)],
    [OPT.serverId, new Uint8Array(4)],
  ] as const;
  return {
    DISCOVER: template('DISCOVER', options),
    REQUEST: template('REQUEST', [requested, serverId, ...options]),
  };
}

function template(type: MessageType, options: readonly OptionToSend[]): Uint8Array {
  const header = { op: 1, htype: 1, hlen: 6, hops: 0, xid: 0, secs: 0, flags: 0x8000 };
  const addresses = { ciaddr: NO_ADDRESS, yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, giaddr: NO_ADDRESS };
  const chaddr = Uint8Array.of(0x52, 0x54, 0, 0, 0, 0);
  const all: readonly OptionToSend[] = [[OPT.messageType, Uint8Array.of(numberOfType(type))], ...options];
  const layout = { datagramOctets: 1500, mayOverload: false };
  return encodeMessage({ ...header, ...addresses, chaddr, sname: '', file: '' }, all, layout).octets;
}
