import { strict as assert } from 'node:assert';
import dgram from 'node:dgram';
import { bindErrorOf } from '../../server/net/bind-error.ts';
import { holderOfUdpPort } from '../../server/net/port-holder.ts';

const failed = (code: string): Error => Object.assign(new Error(`bind ${code}`), { code });

describe('net/bind-error', () => {
  it('EACCES names the three remedies', async () => {
    const error = await bindErrorOf(failed('EACCES'), 'eth1', 67);
    assert.equal(error.code, 'permission');
    for (const remedy of ['CAP_NET_BIND_SERVICE', 'sudo', 'ip_unprivileged_port_start=67'])
      assert.ok(error.message.includes(remedy), remedy);
  });

  it('an interface that is not there is told as such', async () => {
    for (const code of ['EINVAL', 'ENODEV']) {
      const error = await bindErrorOf(failed(code), 'eth9', 67);
      assert.deepEqual([error.code, error.message], ['no-device', 'UDP port 67 on eth9: there is no interface eth9.']);
    }
  });

  it('an address that no interface has is told as such', async () => {
    const error = await bindErrorOf(failed('EADDRNOTAVAIL'), '10.0.0.1', 69);
    assert.equal(error.code, 'no-address');
    assert.match(error.message, /^UDP port 69 on 10\.0\.0\.1: no interface has this address now/);
  });

  it('anything else keeps its words and its cause', async () => {
    const cause = failed('EMFILE');
    const error = await bindErrorOf(cause, 'eth1', 67);
    assert.deepEqual([error.code, error.cause], ['failed', cause]);
    assert.match(error.message, /bind EMFILE/);
    assert.match((await bindErrorOf('odd', 'eth1', 67)).message, /odd/);
  });

  it('EADDRINUSE names the program that holds the port', async () => {
    const socket = dgram.createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', resolve);
    });
    const { port } = socket.address();
    const error = await bindErrorOf(failed('EADDRINUSE'), 'lo', port);
    socket.close();
    assert.equal(error.code, 'port-taken');
    assert.match(error.message, new RegExp(`held by .* \\(pid ${process.pid}\\)`));
  });

  it('a port nobody holds has only likely holders', async () => {
    assert.match(await holderOfUdpPort(1), /dnsmasq, isc-dhcp-server .*systemd-networkd or libvirt/);
    assert.match(await holderOfUdpPort(69), /tftpd-hpa, dnsmasq or atftpd/);
  });
});
