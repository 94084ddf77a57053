import { ipv4, netmaskOf, NO_ADDRESS, octetsOfMac, type Ipv4, type Mac } from '../../server/core/address.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { Rng } from '../../server/ports/rng.ts';
import { encodeMessage } from '../../server/wire/dhcp/encode.ts';
import {
  BOOTREPLY,
  BOOTREQUEST,
  BROADCAST_FLAG,
  decodeMessage,
  ETHERNET,
  messageType,
  numberOfType,
  type DhcpMessage,
  type MessageType,
} from '../../server/wire/dhcp/message.ts';
import { ipv4ListOption, ipv4Option, OPT, textOption, u32Option } from '../../server/wire/dhcp/options.ts';
import type { DhcpIdentity } from './dhcp-identity.ts';
import type { BoardLease } from './hands.ts';

/** The wire as one board sees it: datagrams to and from the DHCP server, before it has an address. */
export interface DhcpWire {
  broadcast(datagram: Uint8Array): void;
  /** Messages whose `chaddr` is this board's; the answer ends it. */
  listen(mac: Mac, hear: (datagram: Uint8Array) => void): () => void;
}

/** What a handshake needs. */
export interface DhcpClient {
  readonly wire: DhcpWire;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly mac: Mac;
  readonly signal: AbortSignal;
  /** Told of every message sent and taken. */
  readonly say: (words: string) => void;
}

/** How long a REQUEST waits for its ACK, and how often it is sent before the client starts over. */
const REQUEST_WAIT_MS = 2000;
const REQUEST_TRIES = 4;

/**
 * DISCOVER, OFFER, REQUEST, ACK (RFC 2131 §3.1) as the given identity. A NAK starts over. Nothing when its tries are
 * used up without an answer; throws the signal's reason when the power goes.
 */
export async function acquire(client: DhcpClient, identity: DhcpIdentity): Promise<BoardLease | undefined> {
  for (const waitMs of identity.retryMs) {
    const xid = new DataView(Uint8Array.from(client.rng.octets(4)).buffer).getUint32(0);
    const offer = await ask(client, identity, { type: 'DISCOVER', xid, extra: [] }, ['OFFER'], waitMs);
    const serverId = offer && ipv4Option(offer.options, OPT.serverId);
    if (!offer || serverId === undefined) continue;
    const lease = await request(client, identity, xid, offer.yiaddr, serverId);
    if (lease) return lease;
  }
  return undefined;
}

async function request(
  client: DhcpClient,
  identity: DhcpIdentity,
  xid: number,
  address: Ipv4,
  serverId: Ipv4,
): Promise<BoardLease | undefined> {
  const extra = [
    [OPT.requestedAddress, octetsOf(address)],
    [OPT.serverId, octetsOf(serverId)],
  ] as const;
  for (let attempt = 0; attempt < REQUEST_TRIES; attempt += 1) {
    const question = { type: 'REQUEST', xid, extra } as const;
    const answer = await ask(client, identity, question, ['ACK', 'NAK'], REQUEST_WAIT_MS);
    if (answer) return messageType(answer.options) === 'ACK' ? leaseOf(answer, serverId) : undefined;
  }
  return undefined;
}

interface Question {
  readonly type: MessageType;
  readonly xid: number;
  readonly extra: readonly (readonly [number, Uint8Array])[];
}

/** Sends one message and waits for the first fitting answer with its xid; nothing after `waitMs`. */
function ask(
  client: DhcpClient,
  identity: DhcpIdentity,
  question: Question,
  wanted: readonly MessageType[],
  waitMs: number,
): Promise<DhcpMessage | undefined> {
  client.signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      deaf();
      cancel();
      client.signal.removeEventListener('abort', stop);
      settle();
    };
    const deaf = client.wire.listen(client.mac, (datagram) => {
      const answer = fitting(datagram, question.xid, wanted);
      if (!answer) return;
      client.say(`${identity.stage}: ${messageType(answer.options) ?? ''} ${describe(answer)}`);
      end(() => {
        resolve(answer);
      });
    });
    const stop = (): void => {
      end(() => {
        reject(client.signal.reason instanceof Error ? client.signal.reason : new Error('stopped'));
      });
    };
    const cancel = client.clock.after(waitMs, () => {
      end(() => {
        resolve(undefined);
      });
    });
    client.signal.addEventListener('abort', stop);
    client.say(`${identity.stage}: ${question.type}`);
    client.wire.broadcast(encodeQuestion(client.mac, identity, question));
  });
}

function fitting(datagram: Uint8Array, xid: number, wanted: readonly MessageType[]): DhcpMessage | undefined {
  const message = decodeMessage(datagram);
  if (!message.ok || message.value.op !== BOOTREPLY || message.value.xid !== xid) return undefined;
  const type = messageType(message.value.options);
  return type !== undefined && wanted.includes(type) ? message.value : undefined;
}

function encodeQuestion(mac: Mac, identity: DhcpIdentity, question: Question): Uint8Array {
  const header = {
    ...{ op: BOOTREQUEST, htype: ETHERNET, hlen: 6, hops: 0, xid: question.xid, secs: 0 },
    ...{ ciaddr: NO_ADDRESS, yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, giaddr: NO_ADDRESS },
    flags: identity.broadcastFlag ? BROADCAST_FLAG : 0,
    chaddr: octetsOfMac(mac),
    sname: '',
    file: identity.file,
  };
  const type = [OPT.messageType, Uint8Array.of(numberOfType(question.type))] as const;
  const layout = { datagramOctets: 1500, mayOverload: false };
  return encodeMessage(header, [type, ...question.extra, ...identity.options], layout).octets;
}

function leaseOf(ack: DhcpMessage, serverId: Ipv4): BoardLease {
  const mask = ipv4Option(ack.options, OPT.subnetMask) ?? ipv4(0xffffff00);
  const prefix = mask.toString(2).replaceAll('0', '').length;
  const subnet = { network: ipv4(ack.yiaddr & netmaskOf({ network: NO_ADDRESS, prefix })), prefix };
  return {
    address: ack.yiaddr,
    subnet,
    router: ipv4ListOption(ack.options, OPT.router)?.[0],
    serverId,
    siaddr: ack.siaddr,
    file: ack.file === '' ? (textOption(ack.options, OPT.bootFileName) ?? '') : ack.file,
    leaseS: u32Option(ack.options, OPT.leaseTime) ?? 0,
    vendorSpecific: ack.options.get(OPT.vendorSpecific),
  };
}

function describe(message: DhcpMessage): string {
  const address = octetsOf(message.yiaddr).join('.');
  return message.file === '' ? address : `${address}, file "${message.file}"`;
}

function octetsOf(address: Ipv4): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255);
}
