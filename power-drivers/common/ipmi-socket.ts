import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '../../server/ports/clock.ts';
import { PowerError } from '../../server/ports/power-driver.ts';
import type { Rng } from '../../server/ports/rng.ts';
import type { IpmiCrypto } from '../../server/wire/ipmi/crypto.ts';
import type { ExchangeEvent, ExchangeOrder, ExchangeOutcome } from '../../server/wire/ipmi/exchange-state.ts';
import { beginExchange, stepExchange } from '../../server/wire/ipmi/exchange.ts';

/** RMCP+'s primitives by Node's own crypto. */
export function nodeIpmiCrypto(rng: Rng): IpmiCrypto {
  return {
    hmac: (hash, key, octets) => createHmac(hash, key).update(octets).digest(),
    encrypt: (key, iv, plain) => createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(plain),
    decrypt: (key, iv, cipher) => createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(cipher),
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    random: (octets) => rng.octets(octets),
  };
}

/** Where a BMC listens. */
export interface BmcTarget {
  readonly host: string;
  readonly port: number;
}

/** How errors name a BMC. */
export function bmcName({ host, port }: BmcTarget): string {
  return `BMC ${host}:${port}`;
}

/** What an exchange brought, for whom nobody stopped waiting and whose socket lived; else it throws a `PowerError`. */
type Answered = Extract<ExchangeOutcome, { readonly is: 'answered' }>;

/**
 * One whole exchange on a new socket, which the caller closes: nothing else is on it. Throws a `PowerError` that names the
 * BMC; the socket is then closed already.
 */
export async function exchangeWith(
  target: BmcTarget,
  order: ExchangeOrder,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ readonly socket: Socket; readonly answered: Answered }> {
  const socket = createSocket(target.host.includes(':') ? 'udp6' : 'udp4');
  try {
    const outcome = await conversation(socket, target, order, clock, signal);
    if (outcome.is === 'answered') return { socket, answered: outcome };
    throw new PowerError(outcome.trouble.code, `${bmcName(target)}: ${outcome.trouble.because}`);
  } catch (error) {
    socket.close();
    throw error;
  }
}

async function conversation(
  socket: Socket,
  target: BmcTarget,
  order: ExchangeOrder,
  clock: Clock,
  signal: AbortSignal,
): Promise<ExchangeOutcome> {
  let stop = (): void => undefined;
  let give = (): void => undefined;
  let fail: (cause: Error) => void = () => undefined;
  try {
    return await new Promise<ExchangeOutcome>((resolve, reject) => {
      give = () => {
        reject(new PowerError('timeout', `${bmcName(target)}: stopped waiting`));
      };
      // "Port unreachable" arrives here too, for the socket is connected.
      fail = (cause) => {
        reject(new PowerError('unreachable', `${bmcName(target)}: ${cause.message}`, { cause }));
      };
      if (signal.aborted) give();
      signal.addEventListener('abort', give, { once: true });
      socket.on('error', fail);
      socket.once('connect', () => {
        stop = drive(socket, order, clock, resolve);
      });
      socket.connect(target.port, target.host);
    });
  } finally {
    signal.removeEventListener('abort', give);
    socket.off('error', fail);
    stop();
  }
}

/** Obeys the exchange: owns its one timer, and sends what it says. The answer stops it. */
function drive(
  socket: Socket,
  order: ExchangeOrder,
  clock: Clock,
  ended: (outcome: ExchangeOutcome) => void,
): () => void {
  let state = beginExchange(order);
  let cancel = (): void => undefined;
  const feed = (event: ExchangeEvent): void => {
    const step = stepExchange(state, event);
    state = step.state;
    cancel();
    if (state.dueMs !== undefined) {
      cancel = clock.after(Math.max(0, state.dueMs - clock.monotonicMs()), () => {
        feed({ is: 'tick', nowMs: clock.monotonicMs() });
      });
    }
    for (const action of step.actions) {
      if (action.do === 'send') socket.send(action.datagram);
      else ended(action.outcome);
    }
  };
  const listen = (octets: Buffer): void => {
    feed({ is: 'datagram', octets, nowMs: clock.monotonicMs() });
  };
  socket.on('message', listen);
  feed({ is: 'start', nowMs: clock.monotonicMs() });
  return () => {
    cancel();
    socket.off('message', listen);
  };
}
