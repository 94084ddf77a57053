import assert from 'node:assert/strict';
import { SinglePort } from '../../server/net/tftp-single-port.ts';
import type { TransferSocketEvents } from '../../server/net/tftp-socket.ts';
import { encodeAck } from '../../server/wire/tftp/packet.ts';
import { patterned, Peer, serveTable, TableFiles, TestContent } from './tftp-support.ts';

const HABITS = { blksizeMax: undefined, windowsizeMax: undefined, options: true, singlePort: true };
const rrq = (path: string): string => `\0\x01${path}\0octet\0`;

function listening(): TransferSocketEvents & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    received: (datagram) => heard.push(Buffer.from(datagram).toString('latin1')),
    portClosed: () => heard.push('closed'),
    stranger: () => heard.push('stranger'),
    failed: (error) => heard.push(error.message),
  };
}

describe('net: transfers on the port that was asked', () => {
  const client = { address: '127.0.0.9', port: 2000 };
  const place = { local: '127.0.0.1', client, cut: undefined };
  const octets = (text: string): Uint8Array => Buffer.from(text, 'latin1');

  it('a datagram finds its transfer by address and port of its client, and of ours', () => {
    const port = new SinglePort();
    const [one, other] = [listening(), listening()];
    port.open(place, one, () => undefined);
    port.open({ ...place, client: { ...client, port: 2001 } }, other, () => undefined);
    assert.equal(port.received('127.0.0.1', client, octets('a')), true);
    assert.equal(port.received('127.0.0.1', { ...client, port: 2002 }, octets('b')), false);
    assert.equal(port.received('127.0.0.1', { ...client, address: '127.0.0.8' }, octets('c')), false);
    assert.equal(port.received('127.0.0.2', client, octets('d')), false);
    assert.deepEqual([one.heard, other.heard], [['a'], []]);
  });

  it('a newer transfer takes the place, and the end of the older one leaves it alone', () => {
    const port = new SinglePort();
    const [old, now] = [listening(), listening()];
    const first = port.open(place, old, () => undefined);
    const second = port.open(place, now, () => undefined);
    first.close();
    assert.equal(port.received('127.0.0.1', client, octets('a')), true);
    second.close();
    assert.equal(port.received('127.0.0.1', client, octets('b')), false);
    assert.deepEqual([old.heard, now.heard], [[], ['a']]);
  });

  it('what is sent goes out as it is, one datagram at a time: the kernel cuts no windows here', () => {
    const sent: unknown[] = [];
    const socket = new SinglePort().open(place, listening(), (packet) => sent.push(packet));
    socket.send(octets('a'));
    socket.send([octets('b'), octets('c')]);
    assert.equal(socket.sendRun(octets('d')), false);
    assert.deepEqual(sent, [octets('a'), [octets('b'), octets('c')]]);
  });

  it('a board that wants it so gets DATA from the port it asked, and ends there', async () => {
    const files = new TableFiles({ x: new TestContent(patterned(600)) }, () => HABITS);
    const { listener, port } = await serveTable(files);
    const [board, other] = [await Peer.at(), await Peer.at()];
    board.send(rrq('x'), port);
    const first = await board.next();
    assert.deepEqual([first.port, first.packet.op], [port, 'DATA']);
    // Somebody else's ACK is a stray, whatever it says.
    other.send(encodeAck(1), port);
    board.send(encodeAck(1), port);
    assert.equal((await board.next()).port, port);
    board.send(encodeAck(2), port);
    assert.equal((await files.ended(1))[0]?.outcome, 'done');
    assert.deepEqual([listener.active, listener.counters.strangers], [0, 1]);
    board.send(encodeAck(2), port);
    board.send(rrq('x'), port);
    assert.equal((await board.next()).packet.op, 'DATA');
    board.send(Buffer.from('\0\x05\0\0Early terminate\0', 'latin1'), port);
    assert.match((await files.ended(2))[1]?.words ?? '', /ERROR 0 from the client: Early terminate/);
    await Promise.all([board.close(), other.close()]);
    await listener.close();
  });
});
