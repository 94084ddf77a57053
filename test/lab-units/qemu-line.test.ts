import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startQemuLine, type QemuLine } from '../../lab/qemu-line.ts';
import { until } from '../support/until.ts';

describe('the serial line of a QEMU board', () => {
  let folder: string;
  let path: string;
  let line: QemuLine;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-line-'));
    path = join(folder, 'board.line');
    // What a rack that was killed has left there is no hindrance.
    await writeFile(path, '');
    line = await startQemuLine(path);
  });
  afterEach(async () => {
    await line.stop();
    await rm(folder, { recursive: true });
  });

  async function qemu(): Promise<{ socket: Socket; told: () => string }> {
    const socket = connect(path);
    let told = '';
    socket.setEncoding('latin1').on('data', (more: string) => {
      told += more;
    });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return { socket, told: () => told };
  }

  it('one QEMU after another is heard and told, and what is typed while it is off goes nowhere', async () => {
    let heard = '';
    line.listen((octets) => {
      heard += Buffer.from(octets).toString();
    });
    line.write(Buffer.from('too early'));
    for (const nth of ['1', '2']) {
      const board = await qemu();
      board.socket.write(`U-Boot ${nth}.`);
      await until('it is heard', () => heard.endsWith(`U-Boot ${nth}.`));
      line.write(Buffer.from(`boot ${nth}`));
      await until('it is told', () => board.told() === `boot ${nth}`);
      const gone = once(board.socket, 'close');
      board.socket.destroy();
      await gone;
    }
    assert.equal(heard, 'U-Boot 1.U-Boot 2.');
  });

  it('the end of the line ends its QEMU', async () => {
    let heard = 0;
    line.listen((octets) => {
      heard += octets.length;
    });
    const board = await qemu();
    let isGone = false;
    board.socket.once('close', () => {
      isGone = true;
    });
    board.socket.write('x');
    await until('it is heard', () => heard === 1);
    await line.stop();
    await until('it is gone', () => isGone);
    await assert.rejects(qemu(), /ENOENT|ECONNREFUSED/);
    line = await startQemuLine(path);
  });
});
