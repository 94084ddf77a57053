import type {
  AnyAuthMethod,
  AuthHandlerMiddleware,
  AuthenticationType,
  Client,
  ClientChannel,
  ConnectConfig,
  KeyboardInteractiveAuthMethod,
} from 'ssh2';
import { pemBlocks } from './pem.ts';
import { isSshKey, sshFingerprint } from './ssh-key.ts';

/** A host that leaves three of these unanswered is gone. */
const KEEPALIVE_MS = 15_000;

/** Why there is no login, or no channel; drivers and consoles have all of these among their own. */
export type SshErrorCode = 'config' | 'auth' | 'unreachable' | 'timeout' | 'refused';

/** What SSH could not do; the message names the host and no secret. */
export class SshError extends Error {
  override readonly name = 'SshError';
  readonly code: SshErrorCode;
  constructor(code: SshErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

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
  /** Also what only old hosts still speak, behind all that is better. */
  readonly takesOldCiphers?: boolean;
}

/** Who is spoken to, as errors name it, and until when. */
export interface SshPatience {
  readonly where: string;
  readonly signal: AbortSignal;
}

const LATE = 'did not answer in time';
const ENDED = 'closed the connection';
const REFUSED = 'the user, the password or the key was refused';

/** What old management controllers still have. */
const OLD = {
  kex: { append: ['diffie-hellman-group14-sha1', 'diffie-hellman-group1-sha1'], prepend: [], remove: [] },
  serverHostKey: { append: ['ssh-rsa', 'ssh-dss'], prepend: [], remove: [] },
  cipher: { append: ['aes256-cbc', 'aes128-cbc', '3des-cbc'], prepend: [], remove: [] },
  hmac: { append: ['hmac-sha1'], prepend: [], remove: [] },
} satisfies ConnectConfig['algorithms'];

/**
 * Logs in. Each credential is offered once, the key first, and none to a host with another key than the pinned one.
 * Throws an `SshError`: `config` without a credential or a pinned key (it names the key the host shows), `auth`,
 * `unreachable`, `timeout` when the signal is given. The caller ends the client.
 */
export async function sshLogIn(login: SshLogin, patience: SshPatience): Promise<Client> {
  const { where } = patience;
  const { password, privateKey } = login;
  if (password === undefined && privateKey === undefined)
    throw new SshError('config', `${where}: set "password" or "privateKey"`);
  // Not before somebody logs in: most sites never do.
  const { default: ssh2 } = await import('ssh2');
  const key = privateKey === undefined ? undefined : (pemBlocks(privateKey)[0]?.pem ?? '');
  const parsed = key === undefined ? undefined : ssh2.utils.parseKey(key);
  if (parsed && (parsed instanceof Error || !parsed.isPrivateKey()))
    throw new SshError('config', `${where}: "privateKey" is not a private key without passphrase`);
  return loggedIn(new ssh2.Client(), { ...login, privateKey: key }, patience);
}

/** Opens a channel. Throws an `SshError`: `refused`, `unreachable` when the client ends, `timeout` when the signal is given. */
export function sshChannel(
  client: Client,
  open: (done: (cause: Error | undefined, channel: ClientChannel) => void) => void,
  { where, signal }: SshPatience,
): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const fail = (code: SshErrorCode, words: string): void => {
      stopWaiting();
      reject(new SshError(code, `${where}: ${words}`));
    };
    const late = (): void => {
      fail('timeout', LATE);
    };
    const ended = (): void => {
      fail('unreachable', ENDED);
    };
    const stopWaiting = (): void => {
      signal.removeEventListener('abort', late);
      client.off('close', ended);
    };
    signal.addEventListener('abort', late, { once: true });
    client.once('close', ended);
    if (signal.aborted) {
      late();
      return;
    }
    try {
      open((cause, channel) => {
        stopWaiting();
        if (cause) fail('refused', cause.message);
        else resolve(channel);
      });
    } catch {
      // It ended before it was asked.
      ended();
    }
  });
}

function loggedIn(client: Client, login: SshLogin, { where, signal }: SshPatience): Promise<Client> {
  return new Promise((resolve, reject) => {
    let fault: SshError | undefined;
    const settle = (trouble: SshError | undefined): void => {
      signal.removeEventListener('abort', stop);
      // What still comes from a connection given up is nobody's.
      client.on('error', () => undefined);
      if (trouble) {
        client.destroy();
        reject(trouble);
      } else resolve(client);
    };
    const stop = (): void => {
      settle(new SshError('timeout', `${where}: ${LATE}`));
    };
    client.once('ready', () => {
      client.setNoDelay(true);
      settle(undefined);
    });
    client.once('error', (cause) => {
      settle(fault ?? faultOf(cause, where));
    });
    client.once('close', () => {
      settle(fault ?? new SshError('unreachable', `${where}: ${ENDED}`));
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
      fault = new SshError('auth', `${where}: ${REFUSED}`);
      client.destroy();
    };
    client.connect(connectConfig(login, verify, refuse));
  });
}

function connectConfig(login: SshLogin, verify: (key: Buffer) => boolean, refuse: () => void): ConnectConfig {
  const { host, port, user: username, takesOldCiphers = false } = login;
  return {
    ...{ host, port, username, hostVerifier: verify, authHandler: offering(login, refuse) },
    // The caller's signal ends the waiting.
    ...{ readyTimeout: 0, keepaliveInterval: KEEPALIVE_MS },
    ...(takesOldCiphers ? { algorithms: OLD } : {}),
  };
}

/** First nothing, which tells what the host accepts; then each credential by one method, once: accounts get locked. */
function offering({ user: username, password, privateKey: key }: SshLogin, refuse: () => void): AuthHandlerMiddleware {
  const offers: ((left: readonly AuthenticationType[]) => AnyAuthMethod)[] = [() => ({ type: 'none', username })];
  if (key !== undefined) offers.push(() => ({ type: 'publickey', username, key }));
  if (password !== undefined)
    offers.push((left) =>
      left.includes('password')
        ? { type: 'password', username, password }
        : { type: 'keyboard-interactive', username, prompt: answerAll(password) },
    );
  return (left, _isPartial, next) => {
    const offer = offers.shift();
    if (offer) next(offer(left));
    else refuse();
  };
}

/** Whatever is asked, the answer is the password. */
function answerAll(password: string): KeyboardInteractiveAuthMethod['prompt'] {
  return (_name, _words, _language, prompts, finish) => {
    finish(prompts.map(() => password));
  };
}

function distrust(key: Buffer, pinned: string | undefined, where: string): SshError | undefined {
  const shown = sshFingerprint(key);
  if (pinned === undefined)
    return new SshError('config', `${where}: shows the key ${shown}; if it is the host's own, enter it as "hostKey"`);
  if (isSshKey(key, pinned)) return undefined;
  return new SshError('auth', `${where}: has the host key ${shown} and not the one that is set`);
}

function faultOf(cause: Error & { readonly level?: string }, where: string): SshError {
  if (cause.level === 'client-authentication') return new SshError('auth', `${where}: ${REFUSED}`);
  return new SshError('unreachable', `${where}: ${cause.message}`, { cause });
}
