import { createSocket, type Socket } from 'node:dgram';
import { deviceSocket } from '../../lab/virtual/device-socket.ts';
import { decliner, hostileDhcp, hostileHttp, hostileTftp, madeUpBoards } from './hostile-packets.ts';

// A guest that has turned against its network: sends everything, from its own namespace, and tells its parent how
// many datagrams went out and what HTTP said. Arguments: our server's address, a seed, and `pool`
// for an attack on the addresses only (it tells when it begins, too).

const [, , server = '', seedText = '1', what = 'all'] = process.argv;
const seed = Number(seedText);

function send(socket: Socket, datagram: Uint8Array, port: number, host: string): Promise<void> {
  return new Promise((resolve) => {
    socket.send(datagram, port, host, () => {
      resolve();
    });
  });
}

async function dhcp(): Promise<number> {
  const socket = await deviceSocket('eth0', 68);
  const datagrams = hostileDhcp(seed);
  for (const datagram of datagrams) await send(socket, datagram, 67, '::ffff:255.255.255.255');
  for (const datagram of datagrams.slice(0, 100)) await send(socket, datagram, 67, `::ffff:${server}`);
  socket.close();
  return datagrams.length;
}

async function tftp(): Promise<number> {
  const socket = createSocket('udp4');
  const datagrams = hostileTftp(seed);
  for (const datagram of datagrams) await send(socket, datagram, 69, server);
  socket.close();
  return datagrams.length;
}

/** Takes and declines one address after another, some at a time; gives how many were declined. */
async function declineStorm(count: number): Promise<number> {
  const socket = await deviceSocket('eth0', 68);
  const clients = new Map(Array.from({ length: count }, (_, nth) => [decliner(nth).xid, decliner(nth)] as const));
  let declined = 0;
  const heard = { atMs: 0 };
  socket.on('message', (datagram) => {
    const client = clients.get(datagram.length > 243 ? datagram.readUInt32BE(4) : 0);
    const type = datagram[242] ?? 0;
    const octets = Uint8Array.from(server.split('.').map(Number));
    const answer = client?.answer(type, datagram.subarray(16, 20), octets);
    if (!answer) return;
    heard.atMs = performance.now();
    if (type === 5) declined += 1;
    void send(socket, answer, 67, '::ffff:255.255.255.255');
  });
  for (const client of clients.values()) {
    await send(socket, client.discover, 67, '::ffff:255.255.255.255');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  heard.atMs = performance.now();
  while (performance.now() - heard.atMs < 1500) await new Promise((resolve) => setTimeout(resolve, 50));
  socket.close();
  return declined;
}

async function madeUp(count: number): Promise<number> {
  const socket = await deviceSocket('eth0', 68);
  for (const datagram of madeUpBoards(seed, count)) await send(socket, datagram, 67, '::ffff:255.255.255.255');
  socket.close();
  return count;
}

if (what === 'pool') {
  process.send?.({ begun: true });
  const [declined, strangers] = [await declineStorm(768), await madeUp(10_000)];
  process.send?.({ declined, strangers });
} else {
  const [dhcpSent, tftpSent, http] = await Promise.all([dhcp(), tftp(), hostileHttp(5240, server)]);
  process.send?.({ dhcpSent, tftpSent, http });
}
process.disconnect();
