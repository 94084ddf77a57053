import type { Duplex } from 'node:stream';
import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { pemBlocks } from '../server/edges/pem.ts';
import type { ConsoleLine } from '../server/ports/console.ts';
import { PowerError, type PowerEdges } from '../server/ports/power-driver.ts';
import { readLxdReply, type LxdReply } from '../server/wire/lxd/reply.ts';
import { connected, type HttpCall, httpCall, TLS_FINGERPRINT_FIELD } from './common/http-call.ts';
import { lineWhenThere } from './common/line-when-there.ts';
import { definePowerDriver } from './define.ts';

/** Seconds LXD may keep an operation's answer back. */
const WAIT_S = 25;
/** Between two looks whether an instance whose console is wanted runs. */
const LOOK_MS = 250;
/** Between two looks whether the instance of an open console still runs. */
const FOLLOW_MS = 1000;
/** Octets of one message of a console. */
const MESSAGE_MAX = 1024 * 1024;

const fields = {
  host: {
    kind: 'host',
    label: 'LXD server',
    help: 'Leave it out for the LXD of this host.',
    scope: 'controller',
    required: false,
  },
  port: { kind: 'port', label: 'HTTPS port', scope: 'controller', required: true, default: 8443 },
  socket: {
    kind: 'file',
    label: 'LXD socket',
    help: 'For the LXD (or Incus) of this host.',
    scope: 'controller',
    required: true,
    default: '/var/lib/lxd/unix.socket',
    max: 107,
    // Requests are written at once, so it must be a socket that can only be LXD's.
    pattern: '/.+/unix\\.socket',
  },
  clientCert: {
    kind: 'secret',
    label: 'Client certificate and key',
    help: 'PEM of both as one line: cat client.crt client.key | tr -d "\\n". LXD must trust the certificate.',
    scope: 'controller',
    required: false,
    max: 4096,
  },
  tlsFingerprint: TLS_FINGERPRINT_FIELD,
  project: {
    kind: 'text',
    label: 'Project',
    scope: 'machine',
    required: true,
    default: 'default',
    pattern: '[A-Za-z0-9][A-Za-z0-9._-]*',
  },
  instance: {
    kind: 'text',
    label: 'Instance',
    scope: 'machine',
    required: true,
    max: 63,
    pattern: '[A-Za-z][A-Za-z0-9-]*',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

const STATES: Readonly<Record<string, PowerState>> = { Running: 'on', Stopped: 'off' };

/** Containers and virtual machines of LXD (or Incus), by its own API. */
export const lxd = definePowerDriver({
  name: 'lxd',
  summary: 'A container or virtual machine of LXD',
  fields,
  abilities: ['on', 'off', 'status', 'reset', 'info', 'console'],
  callTimeoutMs: 30_000,
  settleTimeoutMs: 60_000,
  open: (parameters, edges) => {
    const api = lxdApi(parameters);
    const status = async (signal: AbortSignal): Promise<string> => (await api.instance(signal))['status'] ?? '';
    return {
      set: async (want, signal) => {
        const now = await status(signal);
        if (STATES[now] === want) return;
        await api.order(want === 'off' ? 'stop' : now === 'Frozen' ? 'unfreeze' : 'start', signal);
      },
      query: async (signal) => STATES[await status(signal)] ?? 'unknown',
      reset: (signal) => api.order('restart', signal),
      info: (signal) => api.instance(signal),
      console: (signal) => openConsole(api, edges, signal),
    };
  },
});

interface LxdApi {
  readonly where: string;
  /** What LXD says of the instance, as words by their names. */
  readonly instance: (signal: AbortSignal) => Promise<Readonly<Record<string, string>>>;
  /** Orders it and waits for the operation's end. */
  readonly order: (action: 'start' | 'stop' | 'restart' | 'unfreeze', signal: AbortSignal) => Promise<void>;
  /** Begins a console: its data as a stream. */
  readonly console: (signal: AbortSignal) => Promise<Duplex>;
}

function lxdApi(parameters: Parameters): LxdApi {
  const { host, port, instance, project } = parameters;
  const place = host === undefined ? parameters.socket : `${host}:${port}`;
  const where = `LXD ${place}, instance ${instance}`;
  const base = host === undefined ? 'http://localhost' : `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const path = `/1.0/instances/${encodeURIComponent(instance)}`;
  const callFor = (method: HttpCall['method'], of: string, body?: unknown): HttpCall => {
    const url = new URL(of, base);
    url.searchParams.set('project', project);
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    return { url, method, ...reach(parameters, where), ...sent };
  };
  const ask = async (
    method: HttpCall['method'],
    of: string,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<LxdReply> => {
    const answer = await httpCall(callFor(method, of, body), signal);
    const reply = readLxdReply(answer.body);
    if (!reply.ok) throw new PowerError('refused', `${where}: its answer (HTTP ${answer.status}) ${reply.error}`);
    if (reply.value.is === 'error') throw faultOf(reply.value, where);
    return reply.value;
  };
  return {
    where,
    instance: async (signal) => {
      const reply = await ask('GET', path, signal);
      return reply.is === 'sync' ? reply.words : {};
    },
    order: async (action, signal) => {
      const begun = await ask('PUT', `${path}/state`, signal, { action, force: action !== 'start', timeout: -1 });
      if (begun.is !== 'begun') throw new PowerError('refused', `${where}: did not begin to ${action}`);
      const ended = await ask('GET', `/1.0/operations/${begun.id}/wait?timeout=${WAIT_S}`, signal);
      if (ended.is === 'sync') verify(ended.words, action, where);
    },
    console: async (signal) => {
      const begun = await ask('POST', `${path}/console`, signal, { width: 200, height: 50, type: 'console' });
      if (begun.is !== 'begun' || begun.dataSecret === undefined || begun.controlSecret === undefined)
        throw new PowerError('refused', `${where}: gives no console`);
      const socketFor = (secret: string): Promise<Duplex> => {
        const call = callFor('GET', `/1.0/operations/${begun.id}/websocket?secret=${encodeURIComponent(secret)}`);
        return openWebSocket(call, where, signal);
      };
      const { dataSecret, controlSecret } = begun;
      return joined(await socketFor(controlSecret), () => socketFor(dataSecret));
    },
  };
}

/** The parts of a call that say over what and as whom. */
function reach(
  { host, socket, clientCert, tlsFingerprint }: Parameters,
  where: string,
): Pick<HttpCall, 'socketPath' | 'clientCert' | 'tlsFingerprint'> {
  if (host === undefined) return { socketPath: socket };
  const blocks = pemBlocks(clientCert ?? '');
  const cert = blocks
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ pem }) => pem)
    .join('');
  const key = blocks.find(({ label }) => label.endsWith('PRIVATE KEY'))?.pem;
  if (cert === '' || key === undefined)
    throw new PowerError('config', `${where}: "clientCert" must hold a certificate and its private key in PEM`);
  return { clientCert: { cert, key }, tlsFingerprint };
}

function faultOf({ status, because }: Extract<LxdReply, { is: 'error' }>, where: string): PowerError {
  const words = `${where}: ${because}`;
  if (status === 401 || status === 403) return new PowerError('auth', words);
  if (status === 404) return new PowerError('config', words);
  return new PowerError(/\bbusy\b/i.test(because) ? 'busy' : 'refused', words);
}

/** The end of an operation: `Success`, `Failure` with its reason, or still under way. */
function verify(operation: Readonly<Record<string, string>>, action: string, where: string): void {
  const { status = '', err = '' } = operation;
  if (status === 'Success' || /already (running|stopped)/i.test(err)) return;
  if (status === 'Running' || status === 'Pending')
    throw new PowerError('timeout', `${where}: ${action} is not done after ${WAIT_S} s`);
  const because = err === '' ? `ended as "${status}"` : err;
  throw new PowerError(/\bbusy\b/i.test(because) ? 'busy' : 'refused', `${where}: ${action}: ${because}`);
}

/** A WebSocket as a stream, which takes what comes in the very packet that opens it. */
async function openWebSocket(call: HttpCall, where: string, signal: AbortSignal): Promise<Duplex> {
  // Loaded before the line is there, for what it says at once.
  const { createWebSocketStream, WebSocket } = await import('ws');
  const socket = await connected(call, where, signal);
  // Encrypted or not, the connection is there; to the WebSocket it is plain.
  const url = `ws://localhost${call.url.pathname}${call.url.search}`;
  const web = new WebSocket(url, { createConnection: () => socket, maxPayload: MESSAGE_MAX, perMessageDeflate: false });
  const stream = createWebSocketStream(web);
  // By itself it would wait for us to end it too.
  stream.once('end', () => stream.destroy());
  return new Promise((resolve, reject) => {
    const settle = (fault?: PowerError): void => {
      signal.removeEventListener('abort', stop);
      stream.off('error', failed);
      stream.on('error', () => undefined);
      if (fault) {
        stream.destroy();
        socket.destroy();
        reject(fault);
      } else resolve(stream);
    };
    const stop = (): void => {
      settle(new PowerError('timeout', `${where}: stopped waiting`));
    };
    const failed = (cause: Error): void => {
      settle(new PowerError('unreachable', `${where}: console: ${cause.message}`, { cause }));
    };
    stream.once('error', failed);
    web.once('open', () => {
      settle();
    });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

/** LXD begins when both are connected, and a console lives as long as both do. */
async function joined(control: Duplex, openData: () => Promise<Duplex>): Promise<Duplex> {
  try {
    const data = await openData();
    control.resume();
    data.once('close', () => control.destroy());
    control.once('close', () => data.destroy());
    return data;
  } catch (cause) {
    control.destroy();
    throw cause;
  }
}

/** Asks once, so that a wrong setting is told at once; then waits for the instance to run. */
async function openConsole(api: LxdApi, edges: PowerEdges, signal: AbortSignal): Promise<ConsoleLine> {
  await api.instance(signal);
  const find = async (stop: AbortSignal): Promise<Duplex | undefined> => {
    const now = await api.instance(stop);
    if (now['status'] !== 'Running') return undefined;
    const stream = await api.console(stop);
    follow(stream, runOf(now), api, edges);
    return stream;
  };
  return lineWhenThere({ find, pauseMs: LOOK_MS, where: `${api.where}: console`, clock: edges.clock });
}

/** LXD leaves the WebSockets of an instance that has stopped or was restarted open: the stream ends with its run. */
function follow(stream: Duplex, run: string, api: LxdApi, { clock }: PowerEdges): void {
  const stop = new AbortController();
  const end = (): void => void stream.destroy();
  const look = (): void => {
    api.instance(stop.signal).then((now) => {
      if (runOf(now) === run) cancel = clock.after(FOLLOW_MS, look);
      else end();
    }, end);
  };
  let cancel = clock.after(FOLLOW_MS, look);
  stream.once('close', () => {
    cancel();
    stop.abort();
  });
}

/** Names one run of the instance: LXD notes when it was started. */
function runOf(instance: Readonly<Record<string, string>>): string {
  return `${instance['status'] ?? ''} ${instance['last_used_at'] ?? ''}`;
}
