import { request } from 'node:http';
import { formatIpv4 } from '../../server/core/address.ts';
import type { Sender } from './board-net.ts';
import type { HttpAnswer, HttpOrder } from './hands.ts';

const SILENCE_MS = 30_000;

/** One request on a connection of its own from the board's address. Throws when it does not come to a whole answer. */
export function httpExchange(order: HttpOrder, sender: Sender): Promise<HttpAnswer> {
  const length = order.body === undefined ? {} : { 'Content-Length': String(order.body.length) };
  return new Promise((resolve, reject) => {
    const asking = request(
      order.url,
      {
        method: order.method,
        headers: { ...order.headers, ...length },
        localAddress: formatIpv4(sender.from),
        agent: false,
        signal: sender.signal,
        timeout: SILENCE_MS,
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.once('end', () => {
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts) });
        });
        answer.once('error', reject);
      },
    );
    asking.once('timeout', () => asking.destroy(new Error(`${order.url}: silent for ${String(SILENCE_MS)} ms`)));
    asking.once('error', reject);
    asking.end(order.body);
  });
}
