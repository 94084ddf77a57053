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
  /** Asks a proxy's port 4011 from the board's own address, which it must have claimed; the answer ends it. */
  askProxy(to: Ipv4, from: Ipv4, datagram: Uint8Array, hear: (datagram: Uint8Array) => void): () => void;
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
/** How long it waits for a proxy's offer when the address came without a boot file; iPXE takes 3 s, UEFI 4 s. */
const PROXY_WAIT_MS = 1000;

/** An address, and the proxy whose boot data go with it. */
export interface Acquired {
  readonly lease: BoardLease;
  /** The proxy that must be asked for the file yet. */
  readonly proxy: Ipv4 | undefined;
}

/**
 * DISCOVER, OFFER, REQUEST, ACK (RFC 2131 §3.1) as the given identity, with a proxy's offer beside (PXE 2.1). A NAK
 * starts over. Nothing when its tries are used up without an answer; throws the signal's reason when the power goes.
 */
export async function acquire(client: DhcpClient, identity: DhcpIdentity): Promise<Acquired | undefined> {
  for (const waitMs of identity.retryMs) {
    const xid = newXid(client);
    const { offer, proxy } = await discover(client, identity, xid, waitMs);
    const serverId = offer && ipv4Option(offer.options, OPT.serverId);
    if (!offer || serverId === undefined) continue;
    const lease = await request(client, identity, xid, offer.yiaddr, serverId);
    if (lease) return withProxy(identity, lease, proxy);
  }
  return undefined;
}

/** Asks the proxy for the file with the address that was acquired; nothing when it does not answer. */
export async function askProxy(
  client: DhcpClient,
  identity: DhcpIdentity,
  lease: BoardLease,
  proxy: Ipv4,
): Promise<BoardLease | undefined> {
  for (let attempt = 0; attempt < REQUEST_TRIES; attempt += 1) {
    const xid = newXid(client);
    const question = { type: 'REQUEST', xid, extra: [], ciaddr: lease.address } as const;
    const answer = await hear(
      client,
      identity,
      { xid, wanted: ['ACK'], fits: isWithoutAddress },
      REQUEST_WAIT_MS,
      (take) => {
        client.say(`${identity.stage}: REQUEST to port 4011`);
        return client.wire.askProxy(proxy, lease.address, encodeQuestion(client.mac, identity, question), take);
      },
    );
    if (answer) return { ...lease, siaddr: answer.siaddr, file: fileOf(answer) };
  }
  return undefined;
}

function newXid(client: DhcpClient): number {
  return new DataView(Uint8Array.from(client.rng.octets(4)).buffer).getUint32(0);
}

const isWithoutAddress = (message: DhcpMessage): boolean => message.yiaddr === NO_ADDRESS;
const hasAddress = (message: DhcpMessage): boolean => !isWithoutAddress(message);
const isAny = (): boolean => true;

/** A PXE server's own offer: nobody else is waited for. Boot data of a server that does not say PXEClient may be outdone. */
function isWhole(offer: DhcpMessage): boolean {
  const isPxe = textOption(offer.options, OPT.vendorClass)?.startsWith('PXEClient') ?? false;
  return hasAddress(offer) && fileOf(offer) !== '' && isPxe;
}

interface Offers {
  readonly offer: DhcpMessage | undefined;
  readonly proxy: DhcpMessage | undefined;
}

/** The first offer ends it, unless the firmware takes a proxy's: then it waits for what that one lacks. */
async function discover(client: DhcpClient, identity: DhcpIdentity, xid: number, waitMs: number): Promise<Offers> {
  const first = await ask(client, identity, { type: 'DISCOVER', xid, extra: [] }, ['OFFER'], waitMs);
  if (!first || identity.proxy === undefined || isWhole(first)) return { offer: first, proxy: undefined };
  const isProxy = isWithoutAddress(first);
  const ear = { xid, wanted: ['OFFER'], fits: isProxy ? hasAddress : isWithoutAddress } as const;
  const second = await hear(client, identity, ear, isProxy ? waitMs : PROXY_WAIT_MS, (take) =>
    client.wire.listen(client.mac, take),
  );
  return isProxy ? { offer: second, proxy: first } : { offer: first, proxy: second };
}

function withProxy(identity: DhcpIdentity, lease: BoardLease, proxy: DhcpMessage | undefined): Acquired {
  if (!proxy) return { lease, proxy: undefined };
  const server = proxy.siaddr === NO_ADDRESS ? ipv4Option(proxy.options, OPT.serverId) : proxy.siaddr;
  if (identity.proxy === 'ask-4011') return { lease, proxy: server };
  return { lease: { ...lease, siaddr: server ?? lease.siaddr, file: fileOf(proxy) }, proxy: undefined };
}

function fileOf(message: DhcpMessage): string {
  return message.file === '' ? (textOption(message.options, OPT.bootFileName) ?? '') : message.file;
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
  /** The address it has already. */
  readonly ciaddr?: Ipv4;
}

/** Which answers count. */
interface Ear {
  readonly xid: number;
  readonly wanted: readonly MessageType[];
  readonly fits: (message: DhcpMessage) => boolean;
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
  return hear(client, identity, { xid: question.xid, wanted, fits: isAny }, waitMs, (take) => {
    const deaf = client.wire.listen(client.mac, take);
    client.say(`${identity.stage}: ${question.type}`);
    client.wire.broadcast(encodeQuestion(client.mac, identity, question));
    return deaf;
  });
}

/** Waits for the first answer that counts; nothing after `waitMs`. `listen` says where it comes from. */
function hear(
  client: DhcpClient,
  identity: DhcpIdentity,
  ear: Ear,
  waitMs: number,
  listen: (take: (datagram: Uint8Array) => void) => () => void,
): Promise<DhcpMessage | undefined> {
  client.signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      deaf();
      cancel();
      client.signal.removeEventListener('abort', stop);
      settle();
    };
    const deaf = listen((datagram) => {
      const answer = fitting(datagram, ear);
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
  });
}

function fitting(datagram: Uint8Array, ear: Ear): DhcpMessage | undefined {
  const message = decodeMessage(datagram);
  if (!message.ok || message.value.op !== BOOTREPLY || message.value.xid !== ear.xid) return undefined;
  const type = messageType(message.value.options);
  return type !== undefined && ear.wanted.includes(type) && ear.fits(message.value) ? message.value : undefined;
}

function encodeQuestion(mac: Mac, identity: DhcpIdentity, question: Question): Uint8Array {
  const header = {
    ...{ op: BOOTREQUEST, htype: ETHERNET, hlen: 6, hops: 0, xid: question.xid, secs: 0 },
    ...{ ciaddr: question.ciaddr ?? NO_ADDRESS, yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, giaddr: NO_ADDRESS },
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
    file: fileOf(ack),
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
