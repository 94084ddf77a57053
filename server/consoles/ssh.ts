import type { Client } from 'ssh2';
import { SshError, sshChannel, sshLogIn } from '../edges/ssh-login.ts';
import { streamLine } from '../edges/stream-line.ts';
import { ConsoleError, type ConsoleLine } from '../ports/console.ts';
import { SPEED_FIELD, defineTransport } from './define.ts';

const TERMINAL = { pty: { term: 'vt100', cols: 80, rows: 24 } };
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
    const patience = { where: `${given.user}@${given.host}`, signal };
    const client = await told(sshLogIn(given, patience));
    try {
      const channel = await told(sshChannel(client, (done) => client.exec(given.command, TERMINAL, done), patience));
      return lineOfChannel(client, streamLine(channel, { clock, whom: patience.where }));
    } catch (error) {
      client.destroy();
      throw error;
    }
  },
});

async function told<T>(doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (cause) {
    throw cause instanceof SshError ? new ConsoleError(cause.code, cause.message, { cause }) : cause;
  }
}

function lineOfChannel(client: Client, line: ConsoleLine): ConsoleLine {
  const leave = (): void => {
    client.end();
    // The farewell is on its way; whether the host closes its side is not waited for.
    client.destroy();
  };
  const ended = new Promise<string>((resolve) => {
    client.once('error', (error) => {
      resolve(error.message);
    });
    client.once('close', () => {
      resolve('the ssh connection was closed');
    });
    void line.ended.then((words) => {
      leave();
      resolve(words);
    });
  });
  const close = async (): Promise<void> => {
    leave();
    await ended;
  };
  return { ...line, close, ended };
}
