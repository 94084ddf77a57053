import { ipv4, parseIpv4, parseMac, parseRange, parseSubnet, type Ipv4, type Mac } from '../../server/core/address.ts';
import type { Network } from '../../server/core/lease.ts';
import type { Result } from '../../server/core/result.ts';
import type { DhcpAdvice, DhcpAdvisor, DhcpRecord } from '../../server/ports/dhcp-advisor.ts';
import type { Rng } from '../../server/ports/rng.ts';
import { encodeMessage } from '../../server/wire/dhcp/encode.ts';
import { numberOfType, type DhcpMessage, type MessageType } from '../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { octetsOfU32, OPT } from '../../server/wire/dhcp/options.ts';

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** Short forms for tests: they throw on a slip of the pen. */
export const ip = (text: string): Ipv4 => must(parseIpv4(text));
export const mac = (text: string): Mac => must(parseMac(text));
/** The n-th of a row of consecutive MACs, as racks have them. */
export const macNo = (n: number): Mac => mac(`525400${n.toString(16).padStart(6, '0')}`);

/** A /24 with a pool of 100; change what the test is about. */
export function network(
  change: Partial<Network> = {},
  pools: readonly string[] = ['10.77.0.100-10.77.0.199'],
): Network {
  return {
    name: 'rack1',
    interface: 'eth1',
    giaddr: undefined,
    subnet: must(parseSubnet('10.77.0.0/24')),
    address: ip('10.77.0.1'),
    dhcp: 'full',
    authoritative: true,
    pools: pools.map((pool) => must(parseRange(pool))),
    router: ip('10.77.0.254'),
    dns: [ip('10.77.0.53')],
    leaseS: 3600,
    probe: 'none',
    unknown: 'enlist',
    ...change,
  };
}

/** A network behind the relay 10.78.0.1. */
export function relayedNetwork(change: Partial<Network> = {}): Network {
  const subnet = must(parseSubnet('10.78.0.0/24'));
  const giaddr = ip('10.78.0.1');
  const own = { name: 'rack2', interface: undefined, giaddr, subnet, router: giaddr, dns: [] };
  return network({ ...own, ...change }, ['10.78.0.50-10.78.0.99']);
}

/** Octets that repeat from run to run. */
export const countingRng = (): Rng => {
  let next = 1;
  return { octets: (count) => Uint8Array.from({ length: count }, () => (next = (next * 31 + 7) & 255)) };
};

/** A boot decision that answers everybody, with what the test gives it. */
export class FakeAdvisor implements DhcpAdvisor {
  readonly records: DhcpRecord[] = [];
  readonly known = new Map<Mac, string>();
  readonly reserved = new Map<string, Map<Mac, Ipv4>>();
  file: string | undefined;
  answersStrangers = true;
  failure: Error | undefined;

  advise(request: { readonly mac: Mac }, _network: Network, isBootClient: boolean): Promise<DhcpAdvice> {
    if (this.failure) return Promise.reject(this.failure);
    const name = this.known.get(request.mac);
    return Promise.resolve({
      answer: this.answersStrangers || name !== undefined,
      machine: name === undefined ? undefined : { name },
      file: isBootClient ? this.file : undefined,
      because: name === undefined ? 'a stranger' : `machine ${name}`,
    });
  }

  reservations(name: string): ReadonlyMap<Mac, Ipv4> {
    return this.reserved.get(name) ?? new Map();
  }

  reserve(name: string, who: Mac, address: Ipv4): void {
    this.reserved.set(name, new Map([...(this.reserved.get(name) ?? []), [who, address]]));
  }

  record(record: DhcpRecord): void {
    this.records.push(record);
  }
}

/** A client's message; fields not named are zero. */
export function clientMessage(
  type: MessageType | undefined,
  change: Partial<Omit<DhcpMessage, 'options'>> & { readonly mac?: Mac } = {},
  options: readonly OptionToSend[] = [],
): Uint8Array {
  const { mac: who = macNo(1), ...fields } = change;
  const none = ipv4(0);
  const header = { op: 1, htype: 1, hlen: 6, hops: 0, xid: 0xdecafbad, secs: 3, flags: 0 };
  const addresses = { ciaddr: none, yiaddr: none, siaddr: none, giaddr: none };
  const chaddr = Uint8Array.from(who.split(':'), (pair) => Number.parseInt(pair, 16));
  const typeOption: OptionToSend[] = type ? [[OPT.messageType, Uint8Array.of(numberOfType(type))]] : [];
  return encodeMessage(
    { ...header, ...addresses, chaddr, sname: '', file: '', ...fields },
    [...typeOption, ...options],
    { datagramOctets: 1500, mayOverload: false },
  ).octets;
}

/** An option that holds an address or a 32-bit number. */
export const u32 = (code: number, value: number): OptionToSend => [code, octetsOfU32(value)];
/** An option that holds text. */
export const text = (code: number, value: string): OptionToSend => [code, new TextEncoder().encode(value)];
