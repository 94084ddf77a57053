import { request as requestHttp, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { PowerError } from '../../server/ports/power-driver.ts';
import { openSocket, whenOpen } from './open-socket.ts';

/** Octets of an answer that are read; a controller that says more is talking nonsense. */
const BODY_MAX = 1024 * 1024;

/** The setting of a certificate that nobody vouches for, as every driver that speaks HTTPS declares it. */
export const TLS_FINGERPRINT_FIELD = {
  kind: 'text',
  label: 'Certificate (SHA-256)',
  help: 'Of a device whose certificate nobody vouches for. The error of the first try says it; compare it with the device.',
  scope: 'controller',
  required: false,
  pattern: '(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}',
} as const;

/** One request to a controller's web server. */
export interface HttpCall {
  readonly url: URL;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** SHA-256 of the certificate, hexadecimal with or without colons; without it the certificate must be vouched for. */
  readonly tlsFingerprint?: string | undefined;
  /** A client's own certificate and key, PEM. */
  readonly clientCert?: { readonly cert: string; readonly key: string };
  /** A server on a UNIX socket. */
  readonly socketPath?: string;
}

/** A controller's answer, whatever its status. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/**
 * Asks a controller over a connection of its own; redirects are not followed. Nothing is said to a TLS server whose
 * certificate is neither the pinned one nor vouched for. Throws a `PowerError` that names the controller: `unreachable`,
 * `timeout` when `signal` is given, `auth` for another certificate, `config` for one that has to be pinned, `refused`.
 */
export async function httpCall(call: HttpCall, signal: AbortSignal): Promise<HttpReply> {
  const where = call.socketPath ?? call.url.host;
  const socket = await connected(call, where, signal);
  try {
    return await exchanged(call, where, socket, signal);
  } finally {
    socket.destroy();
  }
}

/** A connection to a controller, over which nothing has been said yet: TLS is up and its certificate is the right one. */
export function connected(call: HttpCall, where: string, signal: AbortSignal): Promise<Socket> {
  const { url } = call;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isTls = url.protocol === 'https:';
  const port = Number(url.port || (isTls ? 443 : 80));
  const name = isIP(host) === 0 ? { servername: host } : {};
  if (isTls) {
    const open = (): TLSSocket => connectTls({ host, port, ...name, ...call.clientCert, rejectUnauthorized: false });
    const fault = (socket: TLSSocket): PowerError | undefined => distrust(socket, call, where);
    return whenOpen(open, { event: 'secureConnect', where, signal, fault });
  }
  const { socketPath: path } = call;
  return openSocket(path === undefined ? { host, port } : { path }, where, signal);
}

/** Why this TLS server is not to be talked to; nothing when it is. */
function distrust(socket: TLSSocket, call: HttpCall, where: string): PowerError | undefined {
  const shown = plain(socket.getPeerCertificate().fingerprint256);
  if (call.tlsFingerprint !== undefined) {
    if (plain(call.tlsFingerprint) === shown) return undefined;
    return new PowerError('auth', `${where}: shows another certificate (SHA-256 ${shown}) than the pinned one`);
  }
  if (socket.authorized) return undefined;
  const remedy = `if SHA-256 ${shown} is the device's own, enter it as "tlsFingerprint"`;
  return new PowerError('config', `${where}: nobody vouches for its certificate; ${remedy}`);
}

function plain(fingerprint: string): string {
  return fingerprint.replace(/:/g, '').toLowerCase();
}

async function exchanged(call: HttpCall, where: string, socket: Socket, signal: AbortSignal): Promise<HttpReply> {
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const path = `${call.url.pathname}${call.url.search}`;
      const host = { host: call.socketPath === undefined ? call.url.host : 'localhost' };
      const headers = { ...host, connection: 'close', ...call.headers };
      const asked = requestHttp(
        { createConnection: () => socket, method: call.method, path, headers, signal },
        resolve,
      );
      asked.once('error', reject);
      asked.end(call.body);
    });
    const body = await bodyOf(answer, where);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  } catch (cause) {
    if (cause instanceof PowerError) throw cause;
    if (signal.aborted) throw new PowerError('timeout', `${where}: stopped waiting`);
    throw new PowerError('unreachable', `${where}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

async function bodyOf(answer: IncomingMessage, where: string): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) continue;
    octets += chunk.length;
    if (octets > BODY_MAX) throw new PowerError('refused', `${where}: its answer is longer than ${BODY_MAX} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
