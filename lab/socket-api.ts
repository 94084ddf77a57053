import { request } from 'node:http';

/** An answer of Farrier's API. */
export interface ApiAnswer {
  readonly status: number;
  /** The JSON that came; nothing where there was none. */
  readonly body: unknown;
}

/** Farrier's public API over its local socket, as an operator on the host uses it. */
export interface SocketApi {
  call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<ApiAnswer>;
  /** As `call`, but throws with the answer's words when the status is not 2xx. */
  must(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  /** Stores octets as an artefact; gives its digest. */
  upload(name: string, octets: Uint8Array): Promise<string>;
}

/** The API behind a unix socket. Calls throw when nobody listens there. */
export function socketApi(socketPath: string): SocketApi {
  const call: SocketApi['call'] = (method, path, body) => {
    const octets = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body));
    return exchange(socketPath, method, path, 'application/json', octets);
  };
  const must: SocketApi['must'] = async (method, path, body) => wanted(method, path, await call(method, path, body));
  return {
    call,
    must,
    upload: async (name, octets) => {
      const path = `/api/v1/artefacts?name=${encodeURIComponent(name)}`;
      const answer = await exchange(socketPath, 'POST', path, 'application/octet-stream', octets);
      return String(memberOf(wanted('POST', path, answer), 'sha256'));
    },
  };
}

/** One member of an API object; nothing when it is no object or has no such member. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

function wanted(method: string, path: string, answer: ApiAnswer): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw new Error(`${method} ${path} said ${String(answer.status)}: ${JSON.stringify(answer.body)}`);
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  type: string,
  octets: Uint8Array | undefined,
): Promise<ApiAnswer> {
  const headers = octets === undefined ? {} : { 'Content-Type': type, 'Content-Length': octets.length };
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      answer.once('error', reject);
      answer.once('end', () => {
        resolve({ status: answer.statusCode ?? 0, body: parsed(text) });
      });
    });
    asking.once('error', reject);
    asking.end(octets);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text === '' ? undefined : text;
  }
}
