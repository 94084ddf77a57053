import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2';
import { SshError, sshChannel, sshLogIn, type SshLogin, type SshPatience } from '../../server/edges/ssh-login.ts';
import { PowerError } from '../../server/ports/power-driver.ts';

/** A log-in to a controller. What goes wrong is a `PowerError` that names it: `refused`, `unreachable`, `timeout`. */
export interface SshSession {
  /** Runs a command and gives what it printed. Throws `refused` when it prints more than `maxOctets`. */
  run(command: string, maxOctets: number): Promise<string>;
  /** Opens the controller's own command line. */
  shell(window: PseudoTtyOptions): Promise<ClientChannel>;
  readonly end: () => void;
}

/** Logs in to what may be old. Throws a `PowerError` with the words and codes of `sshLogIn`. The caller ends the session. */
export async function openSshSession(login: SshLogin, patience: SshPatience): Promise<SshSession> {
  const client = await told(sshLogIn({ ...login, takesOldCiphers: true }, patience));
  return {
    run: async (command, maxOctets) => {
      const channel = await told(sshChannel(client, (done) => client.exec(command, done), patience));
      return printed(channel, client, maxOctets, patience);
    },
    shell: (window) => told(sshChannel(client, (done) => client.shell(window, done), patience)),
    end: () => {
      client.destroy();
    },
  };
}

async function told<T>(doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (cause) {
    throw cause instanceof SshError ? new PowerError(cause.code, cause.message, { cause }) : cause;
  }
}

function printed(
  channel: ClientChannel,
  client: Client,
  maxOctets: number,
  { where, signal }: SshPatience,
): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(new PowerError('timeout', `${where}: stopped waiting`));
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    channel.on('data', (chunk: Buffer) => {
      octets += chunk.length;
      chunks.push(chunk);
      if (octets > maxOctets) reject(new PowerError('refused', `${where}: says more than ${maxOctets} octets`));
    });
    channel.stderr.resume();
    channel.once('close', () => {
      signal.removeEventListener('abort', stop);
      resolve(Buffer.concat(chunks).toString('latin1'));
    });
    client.once('close', () => {
      reject(new PowerError('unreachable', `${where}: closed the connection in the middle`));
    });
  });
}
