import type { ParametersOf } from '../server/core/field.ts';
import type { ConsoleLine } from '../server/ports/console.ts';
import { PowerError, type BootDevice, type PowerEdges } from '../server/ports/power-driver.ts';
import * as commands from '../server/wire/ipmi/commands.ts';
import type { ExchangeOrder, ExchangeRequest } from '../server/wire/ipmi/exchange-state.ts';
import type { Hop, IpmiRequest, IpmiResponse } from '../server/wire/ipmi/message.ts';
import { latin1 } from '../server/wire/ipmi/octets.ts';
import { PRIVILEGE } from '../server/wire/ipmi/open-session.ts';
import * as sol from '../server/wire/ipmi/sol.ts';
import { beginSol } from '../server/wire/ipmi/sol-line.ts';
import { SUITE_17, SUITE_3, SUITES, type CipherSuite } from '../server/wire/ipmi/suite.ts';
import { INFO_REQUESTS, infoWords } from './common/ipmi-info.ts';
import { QUIRK_NAMES, quirksOf } from './common/ipmi-quirks.ts';
import { openSolLine } from './common/ipmi-console.ts';
import { bmcName, exchangeWith, nodeIpmiCrypto } from './common/ipmi-socket.ts';
import { definePowerDriver } from './define.ts';

/** Waits for each of the four sendings of a request: 7.5 s until a BMC counts as silent. */
const RESEND_MS = [500, 1000, 2000, 4000];
const SUITES_BY_NAME: Readonly<Record<string, readonly CipherSuite[]>> = {
  auto: SUITES,
  '17': [SUITE_17],
  '3': [SUITE_3],
};

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
  targetAddress: {
    kind: 'text',
    label: 'Address behind the BMC',
    help: 'Only where one BMC speaks for several machines (HP Moonshot: 0x72): the machine’s own controller, as 0x and two hexadecimal digits.',
    scope: 'machine',
    required: false,
    pattern: '0x[0-9a-fA-F]{2}',
  },
  targetChannel: {
    kind: 'integer',
    label: 'Channel of that address',
    scope: 'machine',
    required: true,
    max: 15,
    default: 0,
  },
  transitAddress: {
    kind: 'text',
    label: 'Address in between',
    help: 'Only where the target is behind another controller (HP Moonshot: 0x82 for the first cartridge).',
    scope: 'machine',
    required: false,
    pattern: '0x[0-9a-fA-F]{2}',
  },
  transitChannel: {
    kind: 'integer',
    label: 'Channel in between',
    scope: 'machine',
    required: true,
    max: 15,
    default: 0,
  },
  quirks: {
    kind: 'choice',
    label: 'Known quirks',
    help: 'Only for BMCs that cannot be used without; docs/power.md says which.',
    scope: 'controller',
    required: true,
    choices: ['none', ...QUIRK_NAMES],
    default: 'none',
  },
  solInUse: {
    kind: 'choice',
    label: 'When the serial line is in use elsewhere',
    help: 'leave: the console does not open. take: the other session loses it.',
    scope: 'machine',
    required: true,
    choices: ['leave', 'take'],
    default: 'leave',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

/** Machines with a BMC: IPMI 2.0 over RMCP+, spoken in this process. No program is started, nothing is shared. */
export const ipmi = definePowerDriver({
  name: 'ipmi',
  summary: 'BMC over IPMI 2.0 (RMCP+), cipher suites 17 and 3',
  fields,
  abilities: ['on', 'off', 'status', 'reset', 'bootdev', 'identify', 'info', 'console'],
  callTimeoutMs: 10_000,
  settleTimeoutMs: 30_000,
  open: (parameters, edges) => {
    if (parameters.transitAddress !== undefined && parameters.targetAddress === undefined)
      throw new PowerError('config', `${bmcName(parameters)}: "transitAddress" leads nowhere without "targetAddress"`);
    const operator = PRIVILEGE[parameters.privilege === 'administrator' ? 'administrator' : 'operator'];
    const ask = async (requests: readonly ExchangeRequest[], privilege: number, signal: AbortSignal) => {
      const route = routeOf(parameters);
      const routed = route.length === 0 ? requests : requests.map((each) => ({ ...each, route }));
      const order = orderOf(parameters, edges, { requests: routed, privilege });
      const { socket, answered } = await exchangeWith(parameters, order, edges.clock, signal);
      socket.close();
      return answered.answers;
    };
    return {
      set: async (want, signal) => {
        await ask([plain(commands.chassisControlRequest(want))], operator, signal);
      },
      query: async (signal) => {
        const [answer] = await ask([plain(commands.chassisStatusRequest())], PRIVILEGE.user, signal);
        const status = commands.readChassisStatus(answer?.data ?? new Uint8Array(0));
        if (!status.ok) throw new PowerError('refused', `${bmcName(parameters)}: ${status.error}`);
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
      info: async (signal) => infoWords(await ask(INFO_REQUESTS, operator, signal)),
      console: (signal) => openConsole(parameters, edges, operator, signal),
    };
  },
});

/** The way to the machine's own controller: nothing where that is the BMC itself. */
function routeOf({ targetAddress, targetChannel, transitAddress, transitChannel }: Parameters): readonly Hop[] {
  if (targetAddress === undefined) return [];
  const target = { channel: targetChannel, address: Number(targetAddress) };
  if (transitAddress === undefined) return [target];
  return [{ channel: transitChannel, address: Number(transitAddress) }, target];
}

function plain(request: IpmiRequest): ExchangeRequest {
  return { request };
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
  if (!flags.ok) throw new PowerError('refused', `${bmcName(parameters)}: ${flags.error}`);
  if (flags.value.selector !== commands.BOOT_SELECTOR[device])
    throw new PowerError('no-effect', `${bmcName(parameters)}: boot device "${device}" was taken but is not set`);
}

function kgOf(kg: string | undefined): Uint8Array | undefined {
  if (kg === undefined) return undefined;
  return /^0x([0-9a-f]{2}){1,20}$/i.test(kg) ? Buffer.from(kg.slice(2), 'hex') : latin1(kg);
}

function orderOf(parameters: Parameters, edges: PowerEdges, wish: Pick<ExchangeOrder, 'requests' | 'privilege'>) {
  return {
    ...wish,
    quirks: quirksOf(parameters.quirks),
    crypto: nodeIpmiCrypto(edges.rng),
    user: latin1(parameters.user ?? ''),
    password: latin1(parameters.password),
    kg: kgOf(parameters.kg),
    suites: SUITES_BY_NAME[parameters.cipherSuite] ?? SUITES,
    resendMs: RESEND_MS,
  } satisfies ExchangeOrder;
}

/** Activates serial over LAN in a session that stays open. */
async function openConsole(
  parameters: Parameters,
  edges: PowerEdges,
  privilege: number,
  signal: AbortSignal,
): Promise<ConsoleLine> {
  if (parameters.targetAddress !== undefined) {
    const because = 'serial over LAN reaches the BMC’s own machine only; use another console transport';
    throw new PowerError('config', `${bmcName(parameters)}: ${because}`);
  }
  const activate = { request: sol.activateSolRequest(), words: sol.ACTIVATION_WORDS };
  const deactivate = { request: sol.deactivateSolRequest(), optional: true };
  const requests = parameters.solInUse === 'take' ? [deactivate, activate] : [activate];
  const order = { ...orderOf(parameters, edges, { requests, privilege }), stays: true };
  const { socket, answered } = await exchangeWith(parameters, order, edges.clock, signal);
  const { session } = answered;
  const { ackOfNoneIsAll } = quirksOf(parameters.quirks);
  if (!session) {
    socket.close();
    throw new PowerError('refused', `${bmcName(parameters)}: the session did not stay open`);
  }
  const granted = sol.readSolActivation(answered.answers.at(-1)?.data ?? new Uint8Array(0));
  const begin = beginSol(
    session,
    granted.ok ? granted.value.toBmcOctets : 0,
    edges.clock.monotonicMs(),
    ackOfNoneIsAll,
  );
  const line = openSolLine(socket, begin, bmcName(parameters), edges.clock);
  if (granted.ok && sol.isOurPort(granted.value.port, parameters.port)) return line;
  await line.close();
  const because = granted.ok
    ? `it wants serial over LAN on UDP port ${granted.value.port}; set it to the port of its sessions`
    : granted.error;
  throw new PowerError('refused', `${bmcName(parameters)}: ${because}`);
}
