import { Client, type ClientChannel } from 'ssh2';
import { pemBlocks } from '../edges/pem.ts';
import { isSshKey, sshFingerprint } from '../edges/ssh-key.ts';
import { streamLine } from '../edges/stream-line.ts';
import { ConsoleError, type ConsoleLine } from '../ports/console.ts';
import { SPEED_FIELD, defineTransport } from './define.ts';

const KEEPALIVE_MS = 15_000;
const READY_MS = 15_000;
const controller = { scope: 'controller' } as const;

/** A command on another host whose output is the console: `picocom /dev/ttyUSB0`, a console server's menu. */
export const ssh = defineTransport({
  name: 'ssh',
  summary: 'A command by ssh on another host',
  fields: {
    host: { kind: 'host', label: 'Host', required: true, ...controller },
    port: { kind: 'port', label: 'Port', required: false, default: 22, ...controller },
    user: { kind: 'text', label: 'User', required: true, max: 64, ...controller },
    hostKey: {
      ...{ kind: 'text', label: 'Host key', help: 'SHA256:… as ssh-keygen -lf shows it', required: true },
      ...{ pattern: 'SHA256:[A-Za-z0-9+/]{43}=?', ...controller },
    },
    password: { kind: 'secret', label: 'Password', required: false, ...controller },
    privateKey: {
      ...{ kind: 'secret', label: 'Private key', max: 4096, required: false, ...controller },
      help: 'An OpenSSH or PEM key without passphrase, its lines joined by blanks',
    },
    command: { kind: 'text', label: 'Command', required: true, max: 500, scope: 'machine' },
    speed: SPEED_FIELD,
  },
  open: async (given, { clock }, signal) => {
    const { host, port, user, hostKey, password, privateKey, command } = given;
    if (password === undefined && privateKey === undefined)
      throw new ConsoleError('config', 'set "password" or "privateKey"');
    const whom = `${user}@${host}`;
    const client = new Client();
    // A hostile server may break a connection more than once; the first time is told, the others are nobody's.
    client.on('error', () => undefined);
    const key = privateKey === undefined ? {} : { privateKey: linesOfKey(privateKey) };
    const secret = password === undefined ? {} : { password };
    const login = { host, port, username: user, ...key, ...secret };
    try {
      await loggedIn(client, { login, hostKey, whom }, signal);
      const channel = await running(client, command, whom);
      return lineOfChannel(client, streamLine(channel, { clock, whom }));
    } catch (error) {
      client.end();
      throw error;
    }
  },
});

/** A key whose lines were joined, as a key file has it. */
function linesOfKey(joined: string): string {
  const pem = pemBlocks(joined)[0]?.pem;
  if (pem === undefined) throw new ConsoleError('config', '"privateKey" is not a private key');
  return pem;
}

interface Login {
  readonly login: Readonly<Record<string, string | number>>;
  readonly hostKey: string;
  readonly whom: string;
}

function loggedIn(client: Client, { login, hostKey, whom }: Login, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let wrongKey: string | undefined;
    const stop = (): void => {
      reject(new ConsoleError('timeout', `${whom} did not answer in time`));
      client.destroy();
    };
    client.once('ready', resolve);
    client.once('error', (error) => {
      reject(wrongKey === undefined ? errorOf(error, whom) : new ConsoleError('auth', wrongKey));
    });
    signal.addEventListener('abort', stop, { once: true });
    try {
      client.connect({
        ...login,
        readyTimeout: READY_MS,
        keepaliveInterval: KEEPALIVE_MS,
        hostVerifier: (key: Buffer) => {
          if (isSshKey(key, hostKey)) return true;
          wrongKey = `${whom} has the host key ${sshFingerprint(key)} and not the one that is set`;
          return false;
        },
      });
    } catch (error) {
      reject(new ConsoleError('config', `the private key cannot be read: ${wordsOf(error)}`));
    }
    if (signal.aborted) stop();
  });
}

function running(client: Client, command: string, whom: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, { pty: { term: 'vt100', cols: 80, rows: 24 } }, (error, channel) => {
      if (error) reject(new ConsoleError('refused', `${whom} does not run the command: ${error.message}`));
      else resolve(channel);
    });
  });
}

function lineOfChannel(client: Client, line: ConsoleLine): ConsoleLine {
  const ended = new Promise<string>((resolve) => {
    client.once('error', (error) => {
      resolve(error.message);
    });
    client.once('close', () => {
      resolve('the ssh connection was closed');
    });
    void line.ended.then((words) => {
      client.end();
      resolve(words);
    });
  });
  const close = async (): Promise<void> => {
    client.end();
    client.destroy();
    await ended;
  };
  return { ...line, close, ended };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function errorOf(error: Error & { level?: string; code?: unknown }, whom: string): ConsoleError {
  if (error.level === 'client-authentication')
    return new ConsoleError('auth', `${whom}: the user, the password or the key was refused`);
  if (error.level === 'client-timeout') return new ConsoleError('timeout', `${whom} did not answer in time`);
  return new ConsoleError('unreachable', `${whom}: ${error.message}`);
}
