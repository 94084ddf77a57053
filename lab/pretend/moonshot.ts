import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import type { Clock } from '../../server/ports/clock.ts';
import { createSwitched, type Switched } from './switched.ts';

/** A pretend Moonshot chassis: its manager's command line over SSH, with one cartridge `c7n1`. */
export interface PretendMoonshot {
  readonly machine: Switched;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A private key that is let in, PEM. */
  readonly privateKey: string;
  /** Of its host key, as `ssh-keygen -l` says it. */
  readonly hostKey: string;
  /** Login methods in the order they were tried. */
  readonly logins: readonly string[];
  readonly commands: readonly string[];
  /** Methods it takes. */
  methods: ('password' | 'keyboard-interactive' | 'publickey')[];
  /** Another session has the serial port. */
  isPortTaken: boolean;
  /** Connections that are open now. */
  readonly open: () => number;
  /** The board says something on its serial port. */
  readonly say: (octets: Uint8Array) => void;
  /** What was typed to the board. */
  readonly typed: () => Buffer;
  readonly close: () => Promise<void>;
}

const PROMPT = 'hpiLO-> ';

interface Parts {
  readonly peers: Set<Socket>;
  readonly ports: Set<ServerChannel>;
  readonly logins: string[];
  readonly commands: string[];
  readonly typed: Buffer[];
}

/** Starts one on a loopback port of the kernel's choice. */
export async function startPretendMoonshot(clock: Clock): Promise<PretendMoonshot> {
  const keys = { host: newKey(), user: newKey() };
  const parts: Parts = { peers: new Set(), ports: new Set(), logins: [], commands: [], typed: [] };
  const ssh = new ssh2.Server({ hostKeys: [keys.host] }, (client) => {
    serve(client, chassis, parts);
  });
  // The sockets are ours, so that a silent chassis can keep them from the SSH server, and close() ends them.
  const server = createServer((peer) => {
    parts.peers.add(peer);
    peer.on('error', () => undefined);
    peer.once('close', () => parts.peers.delete(peer));
    peer.setNoDelay(true);
    if (chassis.machine.how === 'silent') peer.resume();
    else ssh.injectSocket(peer);
  });
  const chassis: PretendMoonshot = {
    machine: createSwitched(clock),
    port: await listening(server),
    user: 'farrier',
    password: 'moon-s3cret',
    privateKey: keys.user,
    hostKey: fingerprint(keys.host),
    logins: parts.logins,
    commands: parts.commands,
    methods: ['password', 'keyboard-interactive', 'publickey'],
    isPortTaken: false,
    open: () => parts.peers.size,
    say: (octets) => {
      for (const each of parts.ports) each.write(Buffer.from(octets));
    },
    typed: () => Buffer.concat(parts.typed),
    close: async () => {
      chassis.machine.end();
      for (const peer of parts.peers) peer.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return chassis;
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** Not by ssh2, which now and then makes a key it cannot read itself. */
function newKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
}

function fingerprint(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `SHA256:${createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '')}`;
}

function serve(client: Connection, chassis: PretendMoonshot, parts: Parts): void {
  client.on('error', () => undefined);
  client.on('authentication', (auth) => {
    parts.logins.push(auth.method);
    letIn(auth, chassis);
  });
  client.on('session', (accept) => {
    const session = accept();
    session.on('pty', (taken) => {
      taken();
    });
    session.on('exec', (taken, _refuse, { command }) => {
      const channel = taken();
      parts.commands.push(command);
      void chassis.machine.command(() => {
        answer(channel, command, chassis);
      });
    });
    session.on('shell', (taken) => {
      commandLine(taken(), chassis, parts);
    });
  });
}

function letIn(auth: AuthContext, { methods, user, password }: PretendMoonshot): void {
  const isOffered = methods.some((method) => method === auth.method);
  if (!isOffered || auth.username !== user) auth.reject(methods);
  else if (auth.method === 'password') settle(auth, auth.password === password, methods);
  else if (auth.method === 'publickey') auth.accept();
  else if (auth.method === 'keyboard-interactive')
    auth.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
      settle(auth, answers[0] === password, methods);
    });
}

function settle(auth: AuthContext, isRight: boolean, methods: PretendMoonshot['methods']): void {
  if (isRight) auth.accept();
  else auth.reject(methods);
}

/** One command, in the words of the chassis manager (firmware 1.x), and the end of the channel. */
function answer(channel: ServerChannel, command: string, chassis: PretendMoonshot): void {
  const { machine } = chassis;
  if (machine.how === 'flood') {
    flood(channel);
    return;
  }
  const [, want, node = 'none'] =
    /^(set node power on|set node power off force|show node power|show node info) (\S+)$/.exec(command) ?? [];
  const place = 'Cartridge #7\r\n  Node #1\r\n';
  let said = 'Invalid command.\r\n';
  if (want !== undefined && node !== 'c7n1') said = `Error: node ${node} is not present.\r\n`;
  else if (want?.startsWith('set')) {
    machine.order(want.endsWith('on') ? 'on' : 'off');
    said = `${place}        Power state changed.\r\n`;
  } else if (want === 'show node power')
    said = `${place}        Power State: ${machine.look() === 'on' ? 'On' : 'Off'}\r\n`;
  else if (want !== undefined) said = `${place}        Product Name: ProLiant m400 Server Cartridge\r\n`;
  const text = `${command}\r\r\n\r\n${said}`;
  if (machine.how === 'half') channel.write(text.slice(0, text.length - 8));
  else channel.write(text);
  channel.exit(0);
  channel.end();
}

/** An interactive session: only the way to the serial port and back is pretended. */
function commandLine(channel: ServerChannel, chassis: PretendMoonshot, { ports, commands, typed }: Parts): void {
  let line = '';
  channel.write(`\r\nHP Moonshot iLO Chassis Manager\r\n\r\n${PROMPT}`);
  channel.on('close', () => ports.delete(channel));
  channel.on('data', (octets: Buffer) => {
    if (ports.has(channel)) {
      typed.push(octets);
      return;
    }
    line += octets.toString();
    if (!line.endsWith('\r')) return;
    commands.push(line.trim());
    channel.write(`${line.trim()}\r\n`);
    if (line.trim() !== 'connect node vsp c7n1') channel.write(`Error: node is not present.\r\n\r\n${PROMPT}`);
    else if (chassis.isPortTaken) channel.write(`Virtual Serial Port is currently in use by another session.\r\n`);
    else {
      ports.add(channel);
      channel.write('Virtual Serial Port Active: COM1\r\nboard: first words\r\n');
    }
    line = '';
  });
}

function flood(channel: ServerChannel): void {
  const chunk = Buffer.alloc(32 * 1024, 'all work and no play\r\n');
  const more = (): void => {
    while (channel.writable && channel.write(chunk));
  };
  channel.on('error', () => undefined);
  channel.on('drain', more);
  more();
}
