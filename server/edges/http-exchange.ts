import { lookup } from 'node:dns/promises';
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIPv4 } from 'node:net';

/** One answer of a web server, its body still on the way. */
export interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  /** Octets it announces; nothing when it does not say. */
  readonly octets: number | undefined;
  readonly encoding: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** Gives the connection up; harmless after the end. */
  close(): void;
}

/** Asks for a URL at one of the addresses given and nowhere else: the name is not looked up again. */
export type HttpExchange = (url: URL, addresses: readonly string[], signal: AbortSignal) => Promise<HttpAnswer>;

/** All addresses of a name, as this host's resolver gives them. */
export async function resolveName(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** The real exchange: GET over a connection of its own, certificates checked against the name in the URL. */
export const httpExchange: HttpExchange = (url, addresses, signal) =>
  new Promise((resolve, reject) => {
    const options: RequestOptions = {
      signal,
      agent: false,
      headers: { 'accept-encoding': 'identity', 'user-agent': 'farrier' },
      lookup: (_name, wish, done) => {
        const found = addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
        const [first] = found;
        if (wish.all === true) done(null, found);
        else if (first) done(null, first.address, first.family);
        else done(new Error('no address'), '', 4);
      },
    };
    const asked = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    asked.once('error', reject);
    asked.once('response', (answer) => {
      resolve(answerOf(answer));
    });
    asked.end();
  });

function answerOf(answer: IncomingMessage): HttpAnswer {
  const length = answer.headers['content-length'];
  return {
    status: answer.statusCode ?? 0,
    location: answer.headers.location,
    octets: length === undefined ? undefined : Number(length),
    encoding: answer.headers['content-encoding'],
    body: octetsOf(answer),
    close: () => {
      answer.destroy();
    },
  };
}

async function* octetsOf(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const piece of answer) if (piece instanceof Uint8Array) yield piece;
}
