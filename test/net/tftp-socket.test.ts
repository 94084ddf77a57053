import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { openTransferSocket, type TransferSocketEvents } from '../../server/net/tftp-socket.ts';
import { Peer, until } from './tftp-support.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe('tftp transfer socket', () => {
  const none: TransferSocketEvents = {
    received: () => undefined,
    portClosed: () => undefined,
    stranger: () => undefined,
    failed: (error) => assert.fail(error),
  };

  const hopeless: readonly (readonly [string, string, string])[] = [
    ['the address we should answer from is gone', '192.0.2.1', '127.0.0.1'],
    ['there is no way to the client from there', '127.0.0.1', '192.0.2.1'],
  ];
  for (const [title, local, client] of hopeless)
    it(`throws at once and leaves nothing behind: ${title}`, async () => {
      const before = descriptors();
      assert.throws(() => openTransferSocket({ local, client: { address: client, port: 9 }, cut: undefined }, none));
      await until(() => descriptors() <= before);
    });

  it('says that the client has closed its port, also before anything was heard of it', async () => {
    const client = await Peer.at();
    const { port } = client;
    await client.close();
    await new Promise<void>((resolve) => {
      const socket = openTransferSocket(
        { local: '127.0.0.1', client: { address: '127.0.0.1', port }, cut: undefined },
        {
          ...none,
          portClosed: () => {
            socket.close();
            resolve();
          },
        },
      );
      socket.send(Uint8Array.of(0, 3, 0, 1));
    });
  });

  it('a list is one datagram', async () => {
    const client = await Peer.at();
    const socket = openTransferSocket(
      { local: '127.0.0.1', client: { address: '127.0.0.1', port: client.port }, cut: undefined },
      none,
    );
    socket.send([Uint8Array.of(0, 3, 0, 1), Uint8Array.of(7, 8)]);
    const { packet } = await client.next();
    assert.deepEqual(packet.op === 'DATA' && [...packet.data], [7, 8]);
    socket.close();
    await client.close();
  });
});
