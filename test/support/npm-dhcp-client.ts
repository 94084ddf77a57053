// The client of the npm package `dhcp`, as a program: DISCOVER to ACK from port 68 of this host, for the MAC in argv.
// What it heard goes out as one line of JSON a message, as its own codec read it.
import dhcp, { type Message } from 'dhcp';

const client = dhcp.createClient({ mac: process.argv[2] ?? '', features: ['router', 'dns', 'hostname', 'broadcast'] });
let offer: Message | undefined;

client.on('message', (message) => {
  console.log(JSON.stringify(message));
  if (message.options[53] === dhcp.DHCPOFFER) offer = message;
  else client.close();
});
client.on('error', (error) => {
  throw error;
});
client.on('listening', () => {
  setImmediate(() => {
    client.sendDiscover();
  });
});

// Its REQUEST lacks what RFC 2131 table 5 demands: the address and the server that were chosen.
const send = client._send.bind(client);
client._send = (host, message) => {
  const chosen = offer && { 50: offer.yiaddr, 54: offer.options[54] };
  send(host, { ...message, options: { ...message.options, ...chosen } });
};
client.listen();
