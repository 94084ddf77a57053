import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import type { ParametersOf } from '../server/core/field.ts';
import { PowerError, type BootDevice, type PowerEdges } from '../server/ports/power-driver.ts';
import type { Rng } from '../server/ports/rng.ts';
import * as commands from '../server/wire/ipmi/commands.ts';
import type { IpmiCrypto } from '../server/wire/ipmi/crypto.ts';
import type {
  ExchangeEvent,
  ExchangeOrder,
  ExchangeOutcome,
  ExchangeRequest,
} from '../server/wire/ipmi/exchange-state.ts';
import { beginExchange, stepExchange } from '../server/wire/ipmi/exchange.ts';
import type { IpmiRequest, IpmiResponse } from '../server/wire/ipmi/message.ts';
import { latin1 } from '../server/wire/ipmi/octets.ts';
import { PRIVILEGE } from '../server/wire/ipmi/open-session.ts';
import { SUITE_17, SUITE_3, SUITES, type CipherSuite } from '../server/wire/ipmi/suite.ts';
import { definePowerDriver } from './define.ts';

/** Waits for each of the four sendings of a request: 7.5 s until a BMC counts as silent. */
const RESEND_MS = [500, 1000, 2000, 4000];
const SUITES_BY_NAME: Readonly<Record<string, readonly CipherSuite[]>> = {
  auto: SUITES,
  '17': [SUITE_17],
  '3': [SUITE_3],
};

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

const fields = {
  host: { kind: 'host', label: 'BMC address', scope: 'controller', required: true },
  port: { kind: 'port', label: 'UDP port', scope: 'controller', required: true, default: 623 },
  user: { kind: 'text', label: 'User', scope: 'controller', required: false, max: 16, pattern: '[\\u0020-\\u00ff]*' },
  password: {
    kind: 'secret',
    label: 'Password',
    help: 'Up to 20 characters. Give every BMC a long random one: see docs/power.md.',
    scope: 'controller',
    required: true,
    max: 20,
    pattern: '[\\u0020-\\u00ff]*',
  },
  kg: {
    kind: 'secret',
    label: 'BMC key K_g',
    help: 'Only where the BMC has one: up to 20 characters, or 0x and up to 40 hexadecimal digits.',
    scope: 'controller',
    required: false,
    max: 42,
    pattern: '0x([0-9a-fA-F]{2}){1,20}|[\\u0020-\\u00ff]{1,20}',
  },
  cipherSuite: {
    kind: 'choice',
    label: 'Cipher suite',
    help: 'auto tries 17, then 3. Suite 0 has no authentication and is not offered.',
    scope: 'controller',
    required: true,
    choices: ['auto', '17', '3'],
    default: 'auto',
  },
  privilege: {
    kind: 'choice',
    label: 'Privilege',
    scope: 'controller',
    required: true,
    choices: ['operator', 'administrator'],
    default: 'operator',
  },
  bootMode: {
    kind: 'choice',
    label: 'Boot mode for "bootdev"',
    scope: 'machine',
    required: true,
    choices: ['uefi', 'legacy'],
    default: 'uefi',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

/** Machines with a BMC: IPMI 2.0 over RMCP+, spoken in this process. No program is started, nothing is shared. */
export const ipmi = definePowerDriver({
  name: 'ipmi',
  summary: 'BMC over IPMI 2.0 (RMCP+), cipher suites 17 and 3',
  fields,
  abilities: ['on', 'off', 'status', 'reset', 'bootdev', 'identify'],
  callTimeoutMs: 10_000,
  settleTimeoutMs: 30_000,
  open: (parameters, edges) => {
    const operator = PRIVILEGE[parameters.privilege === 'administrator' ? 'administrator' : 'operator'];
    const ask = (requests: readonly ExchangeRequest[], privilege: number, signal: AbortSignal) =>
      converse(parameters, edges, { requests, privilege }, signal);
    return {
      set: async (want, signal) => {
        await ask([plain(commands.chassisControlRequest(want))], operator, signal);
      },
      query: async (signal) => {
        const [answer] = await ask([plain(commands.chassisStatusRequest())], PRIVILEGE.user, signal);
        const status = commands.readChassisStatus(answer?.data ?? new Uint8Array(0));
        if (!status.ok) throw new PowerError('refused', `${where(parameters)}: ${status.error}`);
        return status.value.on ? 'on' : 'off';
      },
      // A repeated reset would be felt, so its command is sent once.
      reset: async (signal) => {
        await ask([{ request: commands.chassisControlRequest('reset'), once: true }], operator, signal);
      },
      bootdev: (device, signal) => bootdev(parameters, device, (requests) => ask(requests, operator, signal)),
      identify: async (forS, signal) => {
        await ask([plain(commands.chassisIdentifyRequest(forS))], operator, signal);
      },
    };
  },
});

function plain(request: IpmiRequest): ExchangeRequest {
  return { request };
}

function where({ host, port }: Parameters): string {
  return `BMC ${host}:${port}`;
}

/** Sets the boot flags and reads them back: BMCs exist that say yes and keep the old ones. */
async function bootdev(
  parameters: Parameters,
  device: BootDevice,
  ask: (requests: readonly ExchangeRequest[]) => Promise<readonly IpmiResponse[]>,
): Promise<void> {
  const efi = parameters.bootMode === 'uefi';
  const answers = await ask([
    { request: commands.keepBootFlagsRequest(), optional: true },
    plain(commands.bootFlagsRequest(device, efi)),
    plain(commands.getBootFlagsRequest()),
  ]);
  const flags = commands.readBootFlags(answers.at(-1)?.data ?? new Uint8Array(0));
  if (!flags.ok) throw new PowerError('refused', `${where(parameters)}: ${flags.error}`);
  if (flags.value.selector !== commands.BOOT_SELECTOR[device])
    throw new PowerError('no-effect', `${where(parameters)}: boot device "${device}" was taken but is not set`);
}

function kgOf(kg: string | undefined): Uint8Array | undefined {
  if (kg === undefined) return undefined;
  return /^0x([0-9a-f]{2}){1,20}$/i.test(kg) ? Buffer.from(kg.slice(2), 'hex') : latin1(kg);
}

function orderOf(parameters: Parameters, edges: PowerEdges, wish: Pick<ExchangeOrder, 'requests' | 'privilege'>) {
  return {
    ...wish,
    crypto: nodeIpmiCrypto(edges.rng),
    user: latin1(parameters.user ?? ''),
    password: latin1(parameters.password),
    kg: kgOf(parameters.kg),
    suites: SUITES_BY_NAME[parameters.cipherSuite] ?? SUITES,
    resendMs: RESEND_MS,
  } satisfies ExchangeOrder;
}

/** One whole session with a BMC on a socket of its own. Throws a `PowerError` that names the BMC. */
async function converse(
  parameters: Parameters,
  edges: PowerEdges,
  wish: Pick<ExchangeOrder, 'requests' | 'privilege'>,
  signal: AbortSignal,
): Promise<readonly IpmiResponse[]> {
  const socket = createSocket(parameters.host.includes(':') ? 'udp6' : 'udp4');
  let stop = (): void => undefined;
  let give = (): void => undefined;
  try {
    const outcome = await new Promise<ExchangeOutcome>((resolve, reject) => {
      give = () => {
        reject(new PowerError('timeout', `${where(parameters)}: stopped waiting`));
      };
      if (signal.aborted) give();
      signal.addEventListener('abort', give, { once: true });
      // "Port unreachable" arrives here too, for the socket is connected.
      socket.on('error', (cause) => {
        reject(new PowerError('unreachable', `${where(parameters)}: ${cause.message}`, { cause }));
      });
      socket.once('connect', () => {
        stop = drive(socket, orderOf(parameters, edges, wish), edges, resolve);
      });
      socket.connect(parameters.port, parameters.host);
    });
    if (outcome.is === 'answered') return outcome.answers;
    throw new PowerError(outcome.trouble.code, `${where(parameters)}: ${outcome.trouble.because}`);
  } finally {
    signal.removeEventListener('abort', give);
    stop();
    socket.close();
  }
}

/** Obeys the exchange: owns its one timer, and sends what it says. The answer stops it. */
function drive(
  socket: Socket,
  order: ExchangeOrder,
  { clock }: PowerEdges,
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
