import ssh2, {
  Client,
  type AuthenticationType,
  type ClientChannel,
  type ConnectConfig,
  type KeyboardInteractiveAuthMethod,
  type NextAuthHandler,
} from 'ssh2';
import { PowerError } from '../../server/ports/power-driver.ts';
import { pemBlocks } from '../../server/edges/pem.ts';
import { isSshKey, sshFingerprint } from '../../server/edges/ssh-key.ts';

/** Where to log in, as whom, and whose key the host must have. */
export interface SshLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string | undefined;
  /** PEM, its line breaks may be lost. */
  readonly privateKey?: string | undefined;
  /** SHA-256 of the host's key as `ssh-keygen -l` says it: `SHA256:` and base64. */
  readonly hostKey?: string | undefined;
}

/** What old management controllers still have, behind all that is better. */
const OLD = {
  kex: { append: ['diffie-hellman-group14-sha1', 'diffie-hellman-group1-sha1'], prepend: [], remove: [] },
  serverHostKey: { append: ['ssh-rsa', 'ssh-dss'], prepend: [], remove: [] },
  cipher: { append: ['aes256-cbc', 'aes128-cbc', '3des-cbc'], prepend: [], remove: [] },
  hmac: { append: ['hmac-sha1'], prepend: [], remove: [] },
} satisfies ConnectConfig['algorithms'];

/**
 * Logs in. Credentials are offered once, by one method, and never to a host with another key than the pinned one.
 * Throws a `PowerError` that names the host: `config` without a pinned key (it names the key the host shows), `auth`,
 * `unreachable`, `timeout` when `signal` is given. The caller ends the client.
 */
export function sshLogIn(login: SshLogin, where: string, signal: AbortSignal): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    let fault: PowerError | undefined;
    const stop = (): void => {
      settle(new PowerError('timeout', `${where}: stopped waiting`));
    };
    const settle = (trouble: PowerError | undefined): void => {
      signal.removeEventListener('abort', stop);
      // What still comes from a connection given up is nobody's.
      client.on('error', () => undefined);
      if (trouble) {
        client.destroy();
        reject(trouble);
      } else resolve(client);
    };
    client.once('ready', () => {
      client.setNoDelay(true);
      settle(undefined);
    });
    client.once('error', (cause) => {
      settle(fault ?? faultOf(cause, where));
    });
    client.once('close', () => {
      settle(fault ?? new PowerError('unreachable', `${where}: closed the connection`));
    });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) {
      stop();
      return;
    }
    const verify = (key: Buffer): boolean => {
      fault = distrust(key, login.hostKey, where);
      return fault === undefined;
    };
    const refuse = (): void => {
      fault = new PowerError('auth', `${where}: the login was refused`);
      client.destroy();
    };
    const key = login.privateKey === undefined ? undefined : (pemBlocks(login.privateKey)[0]?.pem ?? '');
    if (key !== undefined && ssh2.utils.parseKey(key) instanceof Error)
      settle(new PowerError('config', `${where}: "privateKey" is no private key without passphrase`));
    else client.connect(connectConfig(login, key, verify, refuse));
  });
}

/** Runs a command and gives what it printed. Throws `refused` when it prints more than `maxOctets`. */
export async function sshRun(
  client: Client,
  command: string,
  parts: { readonly where: string; readonly maxOctets: number; readonly signal: AbortSignal },
): Promise<string> {
  const { where, maxOctets } = parts;
  const channel = await sshChannel(client, (done) => client.exec(command, done), parts);
  const chunks: Buffer[] = [];
  let octets = 0;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(new PowerError('timeout', `${where}: stopped waiting`));
    };
    parts.signal.addEventListener('abort', stop, { once: true });
    channel.on('data', (chunk: Buffer) => {
      octets += chunk.length;
      chunks.push(chunk);
      if (octets > maxOctets) reject(new PowerError('refused', `${where}: says more than ${maxOctets} octets`));
    });
    channel.stderr.resume();
    channel.once('close', () => {
      parts.signal.removeEventListener('abort', stop);
      resolve(Buffer.concat(chunks).toString('latin1'));
    });
    client.once('close', () => {
      reject(new PowerError('unreachable', `${where}: closed the connection in the middle`));
    });
  });
}

/** Opens a channel; the client's end and `signal` end the opening. */
export function sshChannel(
  client: Client,
  open: (done: (cause: Error | undefined, channel: ClientChannel) => void) => void,
  { where, signal }: { readonly where: string; readonly signal: AbortSignal },
): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(new PowerError('timeout', `${where}: stopped waiting`));
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    client.once('close', () => {
      reject(new PowerError('unreachable', `${where}: closed the connection`));
    });
    open((cause, channel) => {
      signal.removeEventListener('abort', stop);
      if (cause) reject(new PowerError('refused', `${where}: ${cause.message}`));
      else resolve(channel);
    });
  });
}

function connectConfig(
  { host, port, user: username, password = '' }: SshLogin,
  key: string | undefined,
  verify: (key: Buffer) => boolean,
  refuse: () => void,
): ConnectConfig {
  // First nothing, which tells what the host accepts; then one method, once: accounts get locked.
  let tries = 0;
  const authHandler = (left: readonly AuthenticationType[], _partial: boolean, next: NextAuthHandler): void => {
    tries += 1;
    if (tries === 1) next({ type: 'none', username });
    else if (tries > 2) refuse();
    else if (key !== undefined) next({ type: 'publickey', username, key });
    else if (left.includes('password')) next({ type: 'password', username, password });
    else next({ type: 'keyboard-interactive', username, prompt: answerAll(password) });
  };
  const settings = { host, port, username, readyTimeout: 0, algorithms: OLD, hostVerifier: verify };
  return { ...settings, ...(key === undefined ? { password } : { privateKey: key }), authHandler };
}

/** Whatever is asked, the answer is the password. */
function answerAll(password: string): KeyboardInteractiveAuthMethod['prompt'] {
  return (_name, _words, _language, prompts, finish) => {
    finish(prompts.map(() => password));
  };
}

function distrust(key: Buffer, pinned: string | undefined, where: string): PowerError | undefined {
  const shown = sshFingerprint(key);
  if (pinned === undefined)
    return new PowerError('config', `${where}: shows the key ${shown}; if it is the host's own, enter it as "hostKey"`);
  if (isSshKey(key, pinned)) return undefined;
  return new PowerError('auth', `${where}: shows another key (${shown}) than the pinned one`);
}

function faultOf(cause: Error & { readonly level?: string }, where: string): PowerError {
  if (cause.level === 'client-authentication') return new PowerError('auth', `${where}: the login was refused`);
  return new PowerError('unreachable', `${where}: ${cause.message}`, { cause });
}
