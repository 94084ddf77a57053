import { createSocket, type Socket } from 'node:dgram';
import { deviceSocket } from '../../lab/virtual/device-socket.ts';
import { hostileDhcp, hostileHttp, hostileTftp } from './hostile-packets.ts';

// A guest that has turned against its network: sends everything, from its own namespace, and tells its parent how
// many datagrams went out and what HTTP said. Arguments: our server's address, a seed.

const [, , server = '', seedText = '1'] = process.argv;
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

const [dhcpSent, tftpSent, http] = await Promise.all([dhcp(), tftp(), hostileHttp(5240, server)]);
process.send?.({ dhcpSent, tftpSent, http });
process.disconnect();
