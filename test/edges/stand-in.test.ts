import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { openStandIn, type StandIn, type StandInMode } from '../../server/edges/stand-in.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** What a peer gets for one line until the other side ends. */
async function told(port: number, octetsMax = Infinity): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text.length > octetsMax) socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.write('hello\n');
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe('a stand-in', () => {
  const clock = createFakeClock();
  let device: Server;
  let behind = { host: '127.0.0.1', port: 0 };
  let standIn: StandIn | undefined;
  before(async () => {
    device = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (line) => socket.end(`you said ${line.toString()}`));
    }).listen(0, '127.0.0.1');
    await once(device, 'listening');
    const at = device.address();
    behind = { ...behind, port: typeof at === 'object' && at ? at.port : 0 };
  });
  after(() => {
    device.close();
  });
  afterEach(async () => {
    await standIn?.close();
    standIn = undefined;
  });
  const open = async (mode: StandInMode, withDevice = false): Promise<StandIn> => {
    standIn = await openStandIn(mode, withDevice ? behind : undefined, clock);
    return standIn;
  };

  it('that is gone refuses the connection', async () => {
    const socket = connect((await open('gone')).port, '127.0.0.1');
    await assert.rejects(once(socket, 'connect'), /ECONNREFUSED/);
  });

  it('that is silent takes the line and says nothing, on TCP and UDP', async () => {
    const { port, close } = await open('silent');
    const line = connect(port, '127.0.0.1');
    let said = '';
    line.on('data', (chunk: Buffer) => (said += chunk.toString()));
    line.on('error', () => undefined);
    await once(line, 'connect');
    line.write('hello\n');
    const socket = createSocket('udp4');
    let answers = 0;
    socket.on('message', () => (answers += 1));
    await new Promise((resolve) => {
      socket.send('hello', port, '127.0.0.1', resolve);
    });
    const ended = new Promise((resolve) => line.once('close', resolve));
    await close();
    standIn = undefined;
    await ended;
    assert.equal(said, '');
    socket.close();
    assert.equal(answers, 0);
  });

  it('gives half of what the device said, or of nonsense', async () => {
    assert.equal(await told((await open('half', true)).port), 'you said ');
    await standIn?.close();
    assert.equal(await told((await open('half')).port), 'HTTP/1.1 ');
  });

  it('flaps: every second connection reaches the device', async () => {
    const { port } = await open('flapping', true);
    assert.deepEqual([await told(port), await told(port)], ['', 'you said hello\n']);
  });

  it('is slow: the device answers two seconds later', async () => {
    const { port } = await open('slow', true);
    const asked = told(port);
    while (clock.waiting() === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2000);
    assert.equal(await asked, 'you said hello\n');
  });

  it('floods until the other side hangs up', async () => {
    assert.ok((await told((await open('flood')).port, 1_000_000)).length > 1_000_000);
  });

  it('answers a datagram with many, or with nonsense', async () => {
    const { port } = await open('half');
    const socket = createSocket('udp4');
    const heard = once(socket, 'message');
    socket.send('hello', port, '127.0.0.1');
    await heard;
    socket.close();
  });
});
