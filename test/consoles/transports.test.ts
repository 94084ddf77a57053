import { strict as assert } from 'node:assert';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ssh2 from 'ssh2';
import { vouchForFolder } from '../../power-drivers/trust.ts';
import { createConsoleTransports } from '../../server/consoles/index.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realRng } from '../../server/edges/real-rng.ts';
import { ConsoleError, type ConsoleLine } from '../../server/ports/console.ts';

const loadSerial = (): Promise<never> => Promise.reject(new Error('Cannot find package'));
const OWN_SOCKET = join(tmpdir(), `farrier-own-${String(process.pid)}`, 'farrier.sock');
const transports = createConsoleTransports({ vouchForFolder, loadSerial, ownSocket: OWN_SOCKET });
const lines: ConsoleLine[] = [];

async function open(name: string, parameters: FieldValues, signal = AbortSignal.timeout(5000)): Promise<ConsoleLine> {
  const edges = { clock: realClock, rng: realRng, byPowerDriver: undefined };
  const line = await transports.byName(name)?.open(parameters, edges, signal);
  assert.ok(line);
  lines.push(line);
  return line;
}

/** What a line says, waited for. */
function ear(line: ConsoleLine): { until(text: string): Promise<string> } {
  let heard = '';
  let wake = (): void => undefined;
  line.listen((octets) => {
    heard += Buffer.from(octets).toString('latin1');
    wake();
  });
  return {
    until: async (text) => {
      while (!heard.includes(text)) await new Promise<void>((resolve) => (wake = resolve));
      return heard;
    },
  };
}

const refusedAs = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ConsoleError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return true;
};

describe('console transports', () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const serve = async (talk: (socket: Socket) => void, path?: string): Promise<number> => {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      talk(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => {
      if (path === undefined) server.listen(0, '127.0.0.1', resolve);
      else server.listen(path, resolve);
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  afterEach(async () => {
    for (const line of lines.splice(0)) await line.close();
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  it('each has a name and a summary of its own, and says when nothing reaches the machine by its driver', async () => {
    const names = transports.list().map(({ name }) => name);
    assert.deepEqual(names, ['power-driver', 'telnet', 'tcp', 'ssh', 'serial', 'unix']);
    await assert.rejects(open('power-driver', {}), refusedAs('config', /no power driver that can open consoles/));
    await assert.rejects(open('tcp', { host: 'a' }), refusedAs('config', /"port" .*is missing/));
  });

  describe('tcp', () => {
    it('every octet both ways, and the first although nobody listened yet', async () => {
      const every = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      const port = await serve((socket) => {
        socket.write('first ');
        socket.on('data', (octets) => socket.write(octets));
      });
      const line = await open('tcp', { host: '127.0.0.1', port });
      await new Promise((resolve) => setImmediate(resolve));
      const hear = ear(line);
      await line.write(every);
      assert.equal(await hear.until('\xff'), `first ${every.toString('latin1')}`);
      assert.equal(line.sendBreak, undefined);
    });

    it('nothing listens; nothing answers in time; the peer ends it', async () => {
      const port = await serve((socket) => socket.end());
      const line = await open('tcp', { host: '127.0.0.1', port });
      line.listen(() => undefined);
      assert.equal(await line.ended, `127.0.0.1 port ${port} closed the connection`);
      await new Promise((resolve) => servers.pop()?.close(resolve));
      await assert.rejects(open('tcp', { host: '127.0.0.1', port }), refusedAs('unreachable', /nothing listens there/));
      const over = AbortSignal.abort();
      await assert.rejects(open('tcp', { host: '127.0.0.1', port }, over), refusedAs('timeout', /in time/));
    });
  });

  describe('unix', () => {
    let folder = '';
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'farrier-unix-'))));
    afterEach(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it('a socket in a folder of our own', async () => {
      const path = join(folder, 'serial');
      await serve((socket) => socket.write('login: '), path);
      assert.equal(await ear(await open('unix', { path })).until('login: '), 'login: ');
    });

    it('Farrier’s own socket, which asks nobody who he is, is no board’s line; administrators name the others', async () => {
      mkdirSync(dirname(OWN_SOCKET));
      try {
        await serve(() => undefined, OWN_SOCKET);
        await assert.rejects(open('unix', { path: OWN_SOCKET }), refusedAs('config', /own socket/));
        linkSync(OWN_SOCKET, join(folder, 'serial'));
        await assert.rejects(open('unix', { path: join(folder, 'serial') }), refusedAs('config', /own socket/));
        const forAdmins = transports.list().filter(({ needs }) => needs === 'admin');
        assert.deepEqual(
          forAdmins.map(({ name }) => name),
          ['unix'],
        );
      } finally {
        rmSync(dirname(OWN_SOCKET), { recursive: true, force: true });
      }
    });

    it('a folder others can write to is refused, so is what is no socket', async () => {
      const path = join(folder, 'serial');
      await assert.rejects(open('unix', { path }), refusedAs('unreachable', /no such socket/));
      writeFileSync(path, '');
      await assert.rejects(open('unix', { path }), refusedAs('config', /is not a socket/));
      chmodSync(folder, 0o777);
      await assert.rejects(open('unix', { path }), refusedAs('config', /writable/));
      await assert.rejects(open('unix', { path: 'serial' }), refusedAs('config', /absolute/));
    });
  });

  describe('telnet', () => {
    it('commands are no octets of the board, and 255 is one', async () => {
      let typed = Buffer.alloc(0);
      const port = await serve((socket) => {
        socket.write(Buffer.from([255, 253, 0, 255, 251, 0, 65, 255, 255, 66, 13, 0]));
        socket.on('data', (octets) => (typed = Buffer.concat([typed, octets])));
      });
      const line = await open('telnet', { host: '127.0.0.1', port });
      assert.equal(await ear(line).until('B'), 'A\xffB\r\0');
      await line.write(Uint8Array.of(255, 13));
      await line.sendBreak?.();
      while (!typed.includes(Buffer.from([255, 243]))) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(typed.includes(Buffer.from([255, 255, 13, 255, 243])));
    });

    it('RFC 2217 sets the port once it is agreed to, and a speed that was not taken is told', async () => {
      const wanted = Buffer.from('fffa2c0100002580fff0', 'hex');
      let typed = Buffer.alloc(0);
      const port = await serve((socket) => {
        socket.on('data', (octets) => {
          typed = Buffer.concat([typed, octets]);
          if (typed.includes(wanted)) socket.write(Buffer.from('fffa2c650001c200fff0', 'hex'));
        });
        socket.write(Buffer.from([255, 253, 44]));
      });
      const line = await open('telnet', { host: '127.0.0.1', port, rfc2217: 'yes', speed: 9600 });
      line.listen(() => undefined);
      assert.equal(await line.ended, `127.0.0.1 port ${port} set 115200 baud and not 9600`);
    });

    it('a server without RFC 2217 is named, where it was wanted', async () => {
      const port = await serve((socket) => socket.write(Buffer.from([255, 254, 44])));
      const line = await open('telnet', { host: '127.0.0.1', port, rfc2217: 'yes', speed: 9600 });
      line.listen(() => undefined);
      assert.match(await line.ended, /does not speak RFC 2217/);
    });
  });

  describe('serial', () => {
    it('without its package says which one', async () => {
      await assert.rejects(
        open('serial', { path: '/dev/ttyUSB0' }),
        refusedAs('tool-missing', /npm install serialport/),
      );
      await assert.rejects(open('serial', { path: '/etc/passwd' }), refusedAs('config', /"path" must match/));
    });
  });

  describe('ssh', () => {
    const { privateKey: hostPem } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    const parsed = ssh2.utils.parseKey(hostPem);
    assert.ok(!(parsed instanceof Error));
    const print = `SHA256:${createHash('sha256').update(parsed.getPublicSSH()).digest('base64').replace(/=+$/, '')}`;
    let ran = '';
    let logins = 0;
    let server: ssh2.Server;
    let port = 0;
    beforeEach(async () => {
      [ran, logins] = ['', 0];
      server = new ssh2.Server({ hostKeys: [hostPem] }, (client) => {
        client.on('error', () => undefined);
        client.on('authentication', (context) => {
          const isGood = context.method === 'password' && context.password === 'horseshoe';
          const isKey = context.method === 'publickey' && context.key.data.equals(parsed.getPublicSSH());
          if (context.method !== 'none') logins += 1;
          if (isGood || isKey) context.accept();
          else context.reject(['password', 'publickey']);
        });
        client.on('session', (accept) => {
          const session = accept();
          session.on('pty', (yes) => {
            yes();
          });
          session.on('exec', (yes, _no, { command }) => {
            ran = command;
            const channel = yes();
            channel.write('switch> ');
            channel.on('data', (octets: Buffer) => channel.write(octets));
          });
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    });
    afterEach(() => {
      server.close();
    });
    const at = (more: FieldValues): FieldValues => ({
      ...{ host: '127.0.0.1', port, user: 'lab', hostKey: print, command: 'connect 7' },
      ...more,
    });

    it('runs the command, by password or by key', async () => {
      const key = hostPem.trim().split('\n').join(' ');
      for (const way of [{ password: 'horseshoe' }, { privateKey: key }]) {
        const line = await open('ssh', at(way));
        const hear = ear(line);
        await hear.until('switch> ');
        await line.write(Buffer.from('echo\r'));
        await hear.until('echo\r');
        assert.equal(ran, 'connect 7');
        await line.close();
      }
    });

    it('another host key than the one that is set: nothing secret is sent', async () => {
      const other = at({ hostKey: `SHA256:${'A'.repeat(43)}`, password: 'horseshoe' });
      await assert.rejects(open('ssh', other), refusedAs('auth', /has the host key SHA256:/));
      assert.equal(logins, 0);
    });

    it('a wrong password is told without it', async () => {
      await assert.rejects(open('ssh', at({ password: 'wrong horse' })), (error: unknown) => {
        assert.ok(error instanceof ConsoleError && error.code === 'auth');
        assert.ok(!error.message.includes('wrong horse'));
        return true;
      });
      await assert.rejects(open('ssh', at({})), refusedAs('config', /set "password" or "privateKey"/));
      await assert.rejects(open('ssh', at({ privateKey: 'x' })), refusedAs('config', /is not a private key/));
    });
  });
});
