import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { formatIpv4, formatSubnet, macOf, type Ipv4, type Mac, type Subnet } from '../../server/core/address.ts';
import { labClock } from '../lab-clock.ts';
import { tool } from '../netns.ts';
import type { BoardNet } from './board-net.ts';
import { deviceSocket } from './device-socket.ts';
import { httpExchange } from './http-exchange.ts';
import { tftpFetch, tftpProbe, type TftpServerAt } from './tftp-fetch.ts';

/** Where a board (or many) is plugged in, in the current network namespace. */
export interface SocketNetOrder {
  readonly device: string;
  /** 67, 68 and 69, or others where those may not be bound. */
  readonly ports: { readonly dhcpServer: number; readonly dhcpClient: number; readonly tftp: number };
  /**
   * What a lease does to the device: `shared` adds its address (many boards on one device), `own` also routes by
   * source so that frames leave by it (several devices on one LAN), `loopback` needs nothing: all of 127/8 is here.
   */
  readonly addresses: 'shared' | 'own' | 'loopback';
}

/** A network that has been plugged in. */
export interface SocketNet extends BoardNet {
  close(): void;
}

const CHADDR_AT = 28;
/** Where a proxy beside a DHCP server is asked (PXE 2.1). */
const PROXY_PORT = 4011;
/** First of the routing tables used for `own` addresses; the device's index is added. */
const TABLES_FROM = 1000;

/** Real sockets on a device. DHCP is shared by all boards on it and told apart by `chaddr`. */
export async function socketNet(order: SocketNetOrder): Promise<SocketNet> {
  const { device, ports } = order;
  const clock = labClock();
  const socket = await deviceSocket(device, ports.dhcpClient);
  const ears = new Map<Mac, Set<(datagram: Uint8Array) => void>>();
  socket.on('message', (datagram) => {
    if (datagram.length < CHADDR_AT + 6) return;
    for (const hear of ears.get(macOf(datagram.subarray(CHADDR_AT))) ?? []) hear(datagram);
  });
  // A network that is down for a moment costs a datagram; clients send again.
  socket.on('error', () => undefined);
  const wire: BoardNet['dhcp'] = {
    broadcast: (datagram) => {
      socket.send(datagram, ports.dhcpServer, '::ffff:255.255.255.255', () => undefined);
    },
    listen: (mac, hear) => {
      const group = ears.get(mac) ?? new Set();
      ears.set(mac, group.add(hear));
      return () => {
        group.delete(hear);
        if (group.size === 0) ears.delete(mac);
      };
    },
    askProxy,
  };
  const at = (address: Ipv4): TftpServerAt => ({ address, port: ports.tftp, clock });
  return {
    dhcp: wire,
    claim: (address, subnet) => changeAddress(order, 'add', address, subnet),
    unclaim: (address, subnet) => changeAddress(order, 'del', address, subnet),
    tftp: (server, path, habit, sender) => tftpFetch(at(server), path, habit, sender),
    tftpProbe: (server, path, habit, sender) => tftpProbe(at(server), path, habit, sender),
    http: httpExchange,
    close: () => {
      socket.close();
    },
  };
}

/** From the board's own address, as UEFI does it: port 4011 at both ends (PXE 2.1). */
function askProxy(to: Ipv4, from: Ipv4, datagram: Uint8Array, hear: (datagram: Uint8Array) => void): () => void {
  const socket = createSocket('udp4');
  socket.on('message', hear);
  socket.on('error', () => undefined);
  socket.bind(PROXY_PORT, formatIpv4(from), () => {
    socket.send(datagram, PROXY_PORT, formatIpv4(to));
  });
  return () => {
    socket.close();
  };
}

async function changeAddress(order: SocketNetOrder, verb: 'add' | 'del', address: Ipv4, subnet: Subnet): Promise<void> {
  const { device, addresses } = order;
  if (addresses === 'loopback') return;
  const ours = `${formatIpv4(address)}/${String(subnet.prefix)}`;
  if (addresses === 'shared') {
    await tool('ip', ['addr', verb, ours, 'dev', device]);
    return;
  }
  const table = String(TABLES_FROM + Number((await readFile(`/sys/class/net/${device}/ifindex`, 'utf8')).trim()));
  const route = ['route', verb, formatSubnet(subnet), 'dev', device, 'src', formatIpv4(address), 'table', table];
  const rule = ['rule', verb, 'from', formatIpv4(address), 'lookup', table];
  const place = ['addr', verb, ours, 'dev', device, ...(verb === 'add' ? ['noprefixroute'] : [])];
  const steps = verb === 'add' ? [place, route, rule] : [rule, route, place];
  for (const step of steps) await tool('ip', step);
}
