import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Clock } from '../server/ports/clock.ts';

/** What hangs on an outlet. */
export interface PduOutlet {
  isOn(): boolean;
  turn(on: boolean): void;
}

/**
 * How a virtual PDU misbehaves. `silent`: takes the line and never answers; `slow`: answers after 3 s; `lies`: says ok
 * and does nothing; `denies`: refuses every password; `busy`: refuses every command; `rubbish`: answers nonsense; `late`: obeys
 * 3 s after its ok; `half`: breaks off within its answer; `flood`: answers without an end; `flapping`: every second
 * connection breaks off.
 */
export type PduFault =
  'none' | 'silent' | 'slow' | 'lies' | 'denies' | 'busy' | 'rubbish' | 'late' | 'half' | 'flood' | 'flapping';

/** A PDU to be. */
export interface VirtualPduOptions {
  readonly address: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** Without blanks. */
  readonly password: string;
  /** Outlet 1 is the first. */
  readonly outlets: readonly PduOutlet[];
  /** Milliseconds a relay takes to move. */
  readonly switchMs?: number;
  readonly clock: Clock;
}

/**
 * A small PDU: one line in, `PASSWORD OUTLET on|off|status`, one line out, `ok`, `on`, `off`, `denied`, `busy` or
 * `unknown`. As with the real ones its processor takes one connection at a time.
 */
export interface VirtualPdu {
  readonly address: string;
  readonly port: number;
  /** Misbehaves so from now on. */
  fault(mode: PduFault): void;
  /** Connections it had to turn away because it was talking already. */
  turnedAway(): number;
  /** Commands it has heard, in order, on the monotonic clock. */
  heard(): readonly { readonly beganMs: number; readonly endedMs: number }[];
  stop(): Promise<void>;
}

const SLOW_MS = 3000;
const LATE_MS = 3000;
const LINE_MAX = 256;
const FLOOD = 'on'.repeat(32 * 1024);

/** Starts a virtual PDU; resolves when its socket listens. */
export async function startVirtualPdu(options: VirtualPduOptions): Promise<VirtualPdu> {
  const open = new Set<Socket>();
  let mode: PduFault = 'none';
  let turnedAway = 0;
  let connections = 0;
  const heard: { readonly beganMs: number; readonly endedMs: number }[] = [];
  const server = createServer((socket) => {
    const isBusy = open.size > 0;
    if (isBusy) turnedAway += 1;
    open.add(socket);
    connections += 1;
    const beganMs = options.clock.monotonicMs();
    socket.on('close', () => {
      open.delete(socket);
      heard.push({ beganMs, endedMs: options.clock.monotonicMs() });
    });
    if (mode === 'flapping' && connections % 2 === 0) socket.destroy();
    socket.on('error', () => socket.destroy());
    hear(socket, (line) => {
      if (mode === 'silent') return;
      const answer = isBusy ? 'busy' : obey(options, line, mode);
      const give = (): void => {
        say(socket, answer, mode);
      };
      if (mode === 'slow') options.clock.after(SLOW_MS, give);
      else give();
    });
  });
  server.listen(options.port, options.address);
  await once(server, 'listening');
  const bound = server.address();
  return {
    address: options.address,
    port: typeof bound === 'object' && bound ? bound.port : options.port,
    fault: (next) => {
      mode = next;
    },
    turnedAway: () => turnedAway,
    heard: () => heard,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function say(socket: Socket, answer: string, mode: PduFault): void {
  if (mode === 'half') socket.end(answer.slice(0, 1));
  else if (mode === 'flood') pour(socket);
  else socket.end(`${answer}\n`);
}

/** Writes as fast as the other side reads, until it hangs up. */
function pour(socket: Socket): void {
  while (!socket.destroyed && socket.write(FLOOD));
  if (!socket.destroyed)
    socket.once('drain', () => {
      pour(socket);
    });
}

/** Gathers octets until a line is whole; a line too long ends the connection. */
function hear(socket: Socket, heard: (line: string) => void): void {
  let text = '';
  const gather = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\n');
    if (end < 0 && text.length > LINE_MAX) socket.destroy();
    if (end < 0) return;
    socket.off('data', gather);
    heard(text.slice(0, end).trim());
  };
  socket.on('data', gather);
}

function obey({ password, outlets, switchMs = 0, clock }: VirtualPduOptions, line: string, mode: PduFault): string {
  if (mode === 'busy' || mode === 'rubbish') return mode === 'busy' ? 'busy' : '<html>It works!</html>';
  const [given = '', number = '', verb = ''] = line.split(' ');
  if (mode === 'denies' || given !== password) return 'denied';
  const outlet = /^[1-9]\d{0,2}$/.test(number) ? outlets[Number(number) - 1] : undefined;
  if (!outlet) return 'unknown';
  if (verb === 'status') return outlet.isOn() ? 'on' : 'off';
  if (verb !== 'on' && verb !== 'off') return 'unknown';
  const turn = (): void => {
    if (outlet.isOn() !== (verb === 'on')) outlet.turn(verb === 'on');
  };
  if (mode !== 'lies') clock.after(mode === 'late' ? LATE_MS : switchMs, turn);
  return 'ok';
}
