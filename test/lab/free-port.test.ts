import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from '../../lab/free-port.ts';

describe('a port for a program that must be told one', () => {
  it('is free, none that the kernel gives out, and given once', async () => {
    const ports = [await freePort('tcp'), await freePort('tcp'), await freePort('udp'), await freePort('udp')];
    assert.equal(new Set(ports).size, 4);
    assert.ok(ports.every((port) => port >= 20_000 && port < 32_000));
  });

  it('is not one that somebody has', async () => {
    const first = await freePort('tcp');
    const [server, socket] = [createServer(), createSocket('udp4')];
    await once(server.listen(first + 1, '127.0.0.1'), 'listening');
    socket.bind(first + 3, '127.0.0.1');
    await once(socket, 'listening');
    assert.equal(await freePort('tcp'), first + 2);
    assert.equal(await freePort('udp'), first + 4);
    server.close();
    socket.close();
  });
});
