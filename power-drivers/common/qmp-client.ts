import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { PowerError } from '../../server/ports/power-driver.ts';
import { readQmp, writeQmp, type QmpMessage } from '../../server/wire/qmp/message.ts';
import { openSocket } from './open-socket.ts';

/** Octets QEMU may say in one conversation; `query-chardev` of a large machine is some 10 KiB. */
const SAID_MAX = 1024 * 1024;

/** A QEMU that takes commands. */
export interface Qmp {
  readonly version: string;
  /** Throws `refused` with QEMU's words. */
  ask(command: string): Promise<unknown>;
  /** Resolves with the first of these events since the last command was given. */
  event(...names: readonly string[]): Promise<string>;
}

/**
 * One conversation over a QMP socket of its own. Nothing is written before the other side has greeted as QEMU does, so
 * that a path to some other program's socket does no harm. Throws a `PowerError` that names the socket: `unreachable`,
 * `timeout` when `signal` is given, `config` for a socket that is none of QEMU's, `refused`.
 */
export async function withQmp<T>(path: string, signal: AbortSignal, talk: (qmp: Qmp) => Promise<T>): Promise<T> {
  const where = `QEMU ${path}`;
  const socket = await openSocket({ path }, where, signal);
  const stop = (): void => void socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await talk(await shakeHands(socket, where));
  } catch (cause) {
    if (signal.aborted) throw new PowerError('timeout', `${where}: stopped waiting`);
    if (cause instanceof PowerError) throw cause;
    throw new PowerError('unreachable', `${where}: ${cause instanceof Error ? cause.message : String(cause)}`);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function shakeHands(socket: Socket, where: string): Promise<Qmp> {
  const messages = messagesOf(socket, where);
  const first = await next(messages, where);
  if (first.is !== 'greeting') throw new PowerError('config', `${where}: does not greet as QEMU does`);
  let id = 0;
  let events: string[] = [];
  const ask = async (command: string): Promise<unknown> => {
    id += 1;
    events = [];
    socket.write(writeQmp(id, command));
    for (;;) {
      const said = await next(messages, where);
      if (said.is === 'event') events.push(said.name);
      else if (said.is === 'return' && said.id === id) return said.value;
      // An error without an id is about a line that QEMU could not read.
      else if (said.is === 'error' && (said.id ?? id) === id)
        throw new PowerError('refused', `${where}: ${command}: ${said.because}`);
    }
  };
  const event = async (...names: readonly string[]): Promise<string> => {
    for (;;) {
      const found = events.find((name) => names.includes(name));
      if (found !== undefined) return found;
      const said = await next(messages, where);
      if (said.is === 'event') events.push(said.name);
    }
  };
  await ask('qmp_capabilities');
  return { version: first.version, ask, event };
}

async function next(messages: AsyncGenerator<QmpMessage, undefined>, where: string): Promise<QmpMessage> {
  const step = await messages.next();
  if (step.done) throw new PowerError('unreachable', `${where}: the connection was closed in the middle`);
  return step.value;
}

/** Lines as they are complete; half a line waits for its other half, as long as all of it stays within bounds. */
async function* messagesOf(socket: Socket, where: string): AsyncGenerator<QmpMessage, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let octets = 0;
  for await (const chunk of socket) {
    if (!Buffer.isBuffer(chunk)) continue;
    octets += chunk.length;
    if (octets > SAID_MAX) throw new PowerError('refused', `${where}: says more than ${SAID_MAX} octets`);
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const said = readQmp(line);
      if (!said.ok) throw new PowerError('config', `${where}: is no QMP socket: a line ${said.error}`);
      yield said.value;
    }
  }
  return undefined;
}
