import { strict as assert } from 'node:assert';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import ssh2, { type AuthContext, type Client, type ServerConfig } from 'ssh2';
import { SshError, sshChannel, sshLogIn, type SshErrorCode, type SshLogin } from '../../server/edges/ssh-login.ts';

const forever = new AbortController().signal;
const where = 'lab@console-server';
const [hostPem, userPem] = [newKey(), newKey()];

function newKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
}

function publicPart(pem: string): Buffer {
  const key = ssh2.utils.parseKey(pem);
  assert.ok(!(key instanceof Error));
  return key.getPublicSSH();
}

const hostKey = `SHA256:${createHash('sha256').update(publicPart(hostPem)).digest('base64').replace(/=+$/, '')}`;

function failsAs(code: SshErrorCode, words: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof SshError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    assert.ok(error.message.startsWith(where), error.message);
    return true;
  };
}

/** Whether the host lets this offer in; it names what may be tried next otherwise. */
type Judge = (offer: AuthContext) => true | ('password' | 'publickey' | 'keyboard-interactive')[];

describe('logging in by ssh', () => {
  let server: Server;
  const peers = new Set<Socket>();
  const clients: Client[] = [];
  const offers: string[] = [];
  let judge: Judge;
  let at: SshLogin;

  const serve = async (config: Partial<ServerConfig> = {}): Promise<void> => {
    const ssh = new ssh2.Server({ hostKeys: [hostPem], ...config }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (offer) => {
        offers.push(offer.method);
        const answer = judge(offer);
        if (answer === true) offer.accept();
        else offer.reject(answer);
      });
      client.on('session', (_accept, refuse) => {
        refuse();
      });
    });
    await listen((peer) => {
      ssh.injectSocket(peer);
    });
  };
  const listen = async (talk: (peer: Socket) => void): Promise<void> => {
    server = createServer((peer) => {
      peers.add(peer);
      peer.on('error', () => undefined);
      talk(peer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    at = { host: '127.0.0.1', port, user: 'lab', password: 'horseshoe', hostKey };
  };
  const logIn = async (more: Partial<SshLogin> = {}, signal = forever): Promise<Client> => {
    const client = await sshLogIn({ ...at, ...more }, { where, signal });
    clients.push(client);
    return client;
  };
  beforeEach(() => {
    judge = (offer) => (offer.method === 'password' && offer.password === 'horseshoe') || ['password'];
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const peer of peers) peer.destroy();
    peers.clear();
    offers.length = 0;
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  });

  it('by the password', async () => {
    await serve();
    await logIn();
    assert.deepEqual(offers, ['none', 'password']);
  });

  it('offers nothing to a host whose key is not pinned, and tells which it has', async () => {
    await serve();
    const enter = new RegExp(`shows the key ${hostKey.replace(/[+/]/g, '.')}; if .* enter it as "hostKey"`);
    await assert.rejects(logIn({ hostKey: undefined }), failsAs('config', enter));
    assert.deepEqual(offers, []);
  });

  it('offers nothing to a host with another key than the pinned one', async () => {
    await serve();
    const other = `SHA256:${'A'.repeat(43)}`;
    await assert.rejects(
      logIn({ hostKey: other }),
      failsAs('auth', /has the host key SHA256:.* not the one that is set/),
    );
    assert.deepEqual(offers, []);
  });

  it('offers each credential once, the key first, and says when none is taken', async () => {
    await serve();
    judge = () => ['publickey', 'password'];
    await assert.rejects(logIn({ privateKey: userPem }), failsAs('auth', /was refused$/));
    assert.deepEqual(offers, ['none', 'publickey', 'password']);
  });

  it('gives both to a host that wants both', async () => {
    await serve();
    judge = (offer) => {
      if (offer.method === 'publickey') return ['password'];
      return (offer.method === 'password' && offers.includes('publickey')) || ['publickey'];
    };
    await logIn({ privateKey: userPem });
    assert.deepEqual(offers, ['none', 'publickey', 'password']);
  });

  it('says the password where a host asks for it in words', async () => {
    await serve();
    judge = () => ['keyboard-interactive'];
    await assert.rejects(logIn(), failsAs('auth', /was refused$/));
    assert.deepEqual(offers, ['none', 'keyboard-interactive']);
  });

  it('needs a credential, and a key that is one', async () => {
    const nowhere: SshLogin = { host: '127.0.0.1', port: 9, user: 'lab', hostKey };
    const patience = { where, signal: forever };
    await assert.rejects(sshLogIn(nowhere, patience), failsAs('config', /set "password" or "privateKey"/));
    const [open, locked] = [createPublicKey(userPem), createPrivateKey(userPem)];
    const openPem = open.export({ type: 'spki', format: 'pem' }).toString();
    const cipher = { cipher: 'aes-128-cbc', passphrase: 'horseshoe' };
    const lockedPem = locked.export({ type: 'sec1', format: 'pem', ...cipher }).toString();
    for (const privateKey of ['horseshoe', openPem, lockedPem])
      await assert.rejects(sshLogIn({ ...nowhere, privateKey }, patience), (error) => {
        assert.ok(error instanceof Error && !error.message.includes('horseshoe'));
        return failsAs('config', /"privateKey" is not a private key without passphrase/)(error);
      });
  });

  it('takes what only old hosts speak where it is told to, and nowhere else', async () => {
    await serve({ algorithms: { kex: ['diffie-hellman-group14-sha1'], cipher: ['aes128-cbc'], hmac: ['hmac-sha1'] } });
    await assert.rejects(logIn(), failsAs('unreachable', /no matching/));
    assert.deepEqual(offers, []);
    await logIn({ takesOldCiphers: true });
  });

  it('does not wait for a host that says nothing longer than the caller does', async () => {
    const stop = new AbortController();
    await listen(() => {
      stop.abort();
    });
    await assert.rejects(logIn({}, stop.signal), failsAs('timeout', /did not answer in time/));
    await assert.rejects(logIn({}, AbortSignal.abort()), failsAs('timeout', /did not answer in time/));
  });

  it('says when the host ends it, or is not there', async () => {
    await listen((peer) => peer.resume().end('220 smtp.example ESMTP\r\n'));
    await assert.rejects(logIn(), failsAs('unreachable', /./));
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(logIn(), failsAs('unreachable', /ECONNREFUSED/));
  });

  describe('a channel', () => {
    const shell = (client: Client, signal = forever): Promise<unknown> =>
      sshChannel(client, (done) => client.shell(done), { where, signal });

    it('is refused by the host', async () => {
      await serve();
      await assert.rejects(shell(await logIn()), failsAs('refused', /./));
    });

    it('is not asked for when nobody waits any more, and not on a log-in that has ended', async () => {
      await serve();
      const client = await logIn();
      await assert.rejects(shell(client, AbortSignal.abort()), failsAs('timeout', /did not answer in time/));
      const ended = new Promise<void>((resolve) => client.once('close', resolve));
      client.destroy();
      await ended;
      await assert.rejects(shell(client), failsAs('unreachable', /closed the connection/));
    });

    it('ends with the log-in, and when nobody waits any more', async () => {
      await serve();
      const client = await logIn();
      const [silent, stop] = [(): void => undefined, new AbortController()];
      const late = sshChannel(client, silent, { where, signal: stop.signal });
      stop.abort();
      await assert.rejects(late, failsAs('timeout', /did not answer in time/));
      const cut = sshChannel(client, silent, { where, signal: forever });
      for (const peer of peers) peer.destroy();
      await assert.rejects(cut, failsAs('unreachable', /closed the connection/));
    });
  });
});
