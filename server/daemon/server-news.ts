import { formatIpv4 } from '../core/address.ts';
import type { NewEvent, Severity } from '../core/event.ts';
import type { Network } from '../core/lease.ts';
import type { Notice } from '../http/deps.ts';
import type { OtherServers, ServerNews } from '../net/rival-desk.ts';
import { describeRival, type Rival } from '../net/rival.ts';

/** Servers that are named above the rack; of a flood of them the rest is a number. */
const NAMED_MAX = 3;

type Networks = readonly Pick<Network, 'name' | 'interface' | 'dhcp'>[];

/** Behind a relay there is no interface: what is heard from there goes by the network's name. */
function networkAt(networks: Networks, device: string): Networks[number] | undefined {
  return networks.find((network) => network.interface === device || network.name === device);
}

/** Whether the rival is the server that is to give the addresses where we only name boot files. */
function isWelcome(rival: Rival, networks: Networks): boolean {
  return !rival.isProxy && networkAt(networks, rival.interface)?.dhcp === 'proxy';
}

function rivalWords(rival: Rival): string {
  return rival.isProxy
    ? `another server tells machines what to boot: ${describeRival(rival)}; switch one of the two off`
    : `another DHCP server answers: ${describeRival(rival)}; switch it off, or boards may get its answers`;
}

function nobodyWords(network: string): string {
  return (
    `nobody gives addresses on ${network}: Farrier only names boot files there (dhcp: proxy); ` +
    'start that network’s DHCP server, or set "dhcp: full"'
  );
}

function sentence(news: ServerNews, networks: Networks): readonly [Severity, string] {
  const device = news.is === 'nobody' ? news.interface : news.rival.interface;
  const name = networkAt(networks, device)?.name ?? device;
  switch (news.is) {
    case 'nobody':
      return ['warning', nobodyWords(name)];
    case 'seen':
      return isWelcome(news.rival, networks)
        ? ['note', `the DHCP server of ${name} is ${describeRival(news.rival)}`]
        : ['bad', rivalWords(news.rival)];
    case 'gone':
      return isWelcome(news.rival, networks)
        ? ['warning', `the DHCP server of ${name} has stopped answering: ${describeRival(news.rival)}`]
        : ['good', `the other DHCP server is gone: ${describeRival(news.rival)}`];
  }
}

/** What became known of other DHCP servers, for the event stream. */
export function serverEvent(news: ServerNews, networks: Networks, atMs: number): NewEvent {
  const [severity, text] = sentence(news, networks);
  const detail =
    news.is === 'nobody'
      ? { interface: news.interface, is: news.is }
      : {
          interface: news.rival.interface,
          is: news.is,
          server: formatIpv4(news.rival.serverId),
          ...(news.rival.mac === undefined ? {} : { mac: news.rival.mac }),
        };
  return { atMs, kind: 'network', severity, machine: undefined, boot: undefined, text, detail };
}

/** What stands above the rack for as long as it is so. */
export function serverNotices(servers: OtherServers, networks: Networks): readonly Notice[] {
  const rivals = servers.present.filter((rival) => !isWelcome(rival, networks));
  const more = rivals.length - NAMED_MAX;
  return [
    ...rivals.slice(0, NAMED_MAX).map((rival): Notice => ({ tone: 'bad', text: rivalWords(rival) })),
    ...(more > 0
      ? [{ tone: 'bad', text: `… and ${String(more)} more DHCP servers that are not Farrier` } as const]
      : []),
    ...servers.lacking.map((device): Notice => {
      const name = networkAt(networks, device)?.name ?? device;
      return { tone: 'warning', text: nobodyWords(name) };
    }),
  ];
}
