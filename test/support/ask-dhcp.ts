import { deviceSocket } from '../../lab/virtual/device-socket.ts';
import { parseMac } from '../../server/core/address.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { clientMessage, text } from './dhcp-lab.ts';

// A row of boards that are stuck in their loaders: each MAC that the parent names asks once by DHCP, and takes no offer.

const socket = await deviceSocket('eth0', 68);
const loader = text(OPT.vendorClass, 'U-Boot.armv8');
const arch = [OPT.clientArch, Uint8Array.of(0, 22)] as const;
process.on('message', (named) => {
  const mac = parseMac(String(named));
  if (!mac.ok) throw new Error(mac.error);
  socket.send(clientMessage('DISCOVER', { mac: mac.value }, [arch, loader]), 67, '::ffff:255.255.255.255');
});
process.once('disconnect', () => {
  socket.close();
});
process.send?.('ready');
