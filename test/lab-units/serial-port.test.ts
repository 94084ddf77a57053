import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startSerialPort } from '../../lab/serial-port.ts';
import { createBoardSerial } from '../support/board-serial.ts';
import { until } from '../support/until.ts';

describe('a port of a console server', () => {
  it('all who are connected hear the board, any of them may type, and its end ends them', async () => {
    const board = createBoardSerial();
    const port = await startSerialPort(board, '127.0.0.1');
    const heard = new Map<number, string>();
    const sockets: Socket[] = [];
    for (const nth of [0, 1]) {
      const socket = connect(port.port, port.address);
      socket.on('data', (octets: Buffer) => heard.set(nth, (heard.get(nth) ?? '') + octets.toString()));
      await once(socket, 'connect');
      socket.write(String(nth));
      sockets.push(socket);
    }
    await until('both are there', () => board.told().length === 2);
    assert.equal(board.told().toString().split('').sort().join(''), '01');
    board.say(Buffer.from('login: '));
    await until('both hear it', () => [0, 1].every((nth) => heard.get(nth) === 'login: '));
    const ended = Promise.all(sockets.map((socket) => once(socket, 'close')));
    await port.stop();
    await ended;
  });

  it('who comes first hears the last 64 KiB that nobody has heard, and nobody hears them again', async () => {
    const board = createBoardSerial();
    const port = await startSerialPort(board, '127.0.0.1');
    const listen = async (): Promise<{ socket: Socket; heard: () => string }> => {
      const socket = connect(port.port, port.address);
      let heard = '';
      socket.setEncoding('latin1').on('data', (more: string) => {
        heard += more;
      });
      await once(socket, 'connect');
      const before = board.told().length;
      socket.write('!');
      await until('it is connected', () => board.told().length > before);
      return { socket, heard: () => heard };
    };
    board.say(Buffer.from('lost'));
    board.say(Buffer.from(`U-Boot${'#'.repeat(65_530)}`));
    const first = await listen();
    await until('it hears all of it', () => first.heard().length === 65_536);
    assert.match(first.heard(), /^U-Boot#+$/);
    const second = await listen();
    board.say(Buffer.from('now'));
    await until('both hear what comes', () => [first, second].every((each) => each.heard().endsWith('now')));
    assert.equal(second.heard(), 'now');
    first.socket.destroy();
    second.socket.destroy();
    await port.stop();
  });
});
