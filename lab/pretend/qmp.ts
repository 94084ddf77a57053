import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../server/ports/clock.ts';
import { createSwitched, type Switched } from './switched.ts';

/** A pretend QEMU: its QMP socket and one serial line, both UNIX sockets. */
export interface PretendQemu {
  readonly machine: Switched;
  /** The QMP socket. */
  readonly socket: string;
  /** What `query-chardev` says of the serial line; may be changed. */
  serialFilename: string;
  /** What it answers to `query-status` instead of the machine's state. */
  runState: string | undefined;
  /** Held by `stop` or from its start: a reset then means off. */
  isHeld: boolean;
  /** Commands in order. */
  readonly commands: readonly string[];
  /** Connections that are open now. */
  readonly open: () => number;
  /** The board says something on its serial line to whoever is connected. */
  readonly say: (octets: Uint8Array) => void;
  /** What was typed. */
  readonly typed: () => Uint8Array;
  readonly close: () => Promise<void>;
}

const GREETING = {
  QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 }, package: 'pretend' }, capabilities: [] },
};

/** Starts one whose sockets lie in `folder`. */
export async function startPretendQemu(folder: string, clock: Clock): Promise<PretendQemu> {
  const machine = createSwitched(clock);
  const sockets = new Set<Socket>();
  const lines = new Set<Socket>();
  const commands: string[] = [];
  const typed: Buffer[] = [];
  const [socket, serial] = [`${folder}/qmp.sock`, `${folder}/serial.sock`];
  const qemu: PretendQemu = {
    machine,
    socket,
    serialFilename: `disconnected:unix:${serial},server=on`,
    runState: undefined,
    isHeld: true,
    commands,
    open: () => sockets.size,
    say: (octets) => {
      for (const line of lines) line.write(octets);
    },
    typed: () => Buffer.concat(typed),
    close: async () => {
      machine.end();
      for (const each of [...sockets, ...lines]) each.destroy();
      await Promise.all([monitor, port].map(closed));
    },
  };
  const monitor = createServer((peer) => {
    keep(sockets, peer);
    serve(peer, qemu, commands);
  });
  const port = createServer((peer) => {
    keep(lines, peer);
    peer.on('data', (octets) => typed.push(octets));
  });
  await Promise.all([listening(monitor, socket), listening(port, serial)]);
  return qemu;
}

function serve(peer: Socket, qemu: PretendQemu, commands: string[]): void {
  const { machine } = qemu;
  if (machine.how === 'silent') return;
  if (machine.how === 'flood') {
    flood(peer);
    return;
  }
  send(peer, GREETING);
  let rest = '';
  peer.on('data', (octets) => {
    const said = (rest + octets.toString()).split('\n');
    rest = said.pop() ?? '';
    for (const line of said) void answer(peer, line, qemu, commands);
  });
}

async function answer(peer: Socket, line: string, qemu: PretendQemu, commands: string[]): Promise<void> {
  const { machine } = qemu;
  const [command = '', id = '0'] = [/"execute":"([a-z_-]+)"/.exec(line)?.[1], /"id":(\d+)/.exec(line)?.[1]];
  commands.push(command);
  await machine.command(() => {
    if (machine.how === 'half') peer.end('{"return": {"sta');
    else for (const each of act(command, Number(id), qemu)) send(peer, each);
  });
}

/** What QEMU says to a command; the order comes true as the machine's habits want it. */
function act(command: string, id: number, qemu: PretendQemu): readonly unknown[] {
  const { machine } = qemu;
  switch (command) {
    case 'query-status': {
      const state = qemu.runState ?? (machine.look() === 'on' ? 'running' : 'prelaunch');
      return [{ return: { status: state, running: state === 'running', singlestep: false }, id }];
    }
    case 'cont':
      qemu.isHeld = false;
      machine.order('on');
      return [{ event: 'RESUME' }, { return: {}, id }];
    case 'stop':
      qemu.isHeld = true;
      return [{ event: 'STOP' }, { return: {}, id }];
    case 'system_reset':
      if (qemu.isHeld) machine.order('off');
      return [
        { return: {}, id },
        { event: 'RESET', data: { guest: false } },
      ];
    case 'query-chardev':
      return [
        {
          return: [
            { label: 'compat_monitor0', filename: 'vc' },
            { label: 'serial0', filename: qemu.serialFilename },
          ],
          id,
        },
      ];
    case 'query-name':
      return [{ return: { name: 'pretend' }, id }];
    case 'query-uuid':
      return [{ return: { UUID: 'daf5ab7e-f6f5-53cd-9583-3dd819d43410' }, id }];
    case 'qmp_capabilities':
      return [{ return: {}, id }];
    default:
      return [{ error: { class: 'CommandNotFound', desc: `The command ${command} has not been found` }, id }];
  }
}

function send(peer: Socket, message: unknown): void {
  if (peer.writable) peer.write(`${JSON.stringify(message)}\r\n`);
}

/** Writes as fast as the other side reads, until it goes. */
function flood(peer: Socket): void {
  const chunk = Buffer.alloc(64 * 1024, '{"event":"NOISE"} \n');
  const more = (): void => {
    while (peer.writable && peer.write(chunk));
  };
  peer.on('drain', more);
  more();
}

function keep(set: Set<Socket>, peer: Socket): void {
  set.add(peer);
  peer.on('error', () => undefined);
  peer.once('close', () => set.delete(peer));
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
