import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { formatIpv4, ipv4, parseIpv4, parseMac } from '../server/core/address.ts';
import type { ParametersOf } from '../server/core/field.ts';
import { err, ok, type Result } from '../server/core/result.ts';
import { pause, type Clock } from '../server/ports/clock.ts';
import { PowerError } from '../server/ports/power-driver.ts';
import { magicPacket, readSecureOn } from '../server/wire/wake-on-lan.ts';
import { definePowerDriver } from './define.ts';

/** Nobody answers a magic packet, so a lost one would never be noticed; a repeated one does nothing. */
const COPIES = 3;
const BETWEEN_MS = 100;

const fields = {
  mac: {
    kind: 'text',
    label: 'MAC address',
    help: 'Of the network card that wakes the machine.',
    scope: 'machine',
    required: true,
    pattern: '[0-9a-fA-F]{2}([:.-]?[0-9a-fA-F]{2}){5}',
  },
  interface: {
    kind: 'text',
    label: 'Network interface',
    help: 'Of this host, on whose network the machine is, such as eth1. Without it, and without an address, the default route decides.',
    scope: 'controller',
    required: false,
    max: 15,
    pattern: '[0-9A-Za-z._-]+',
  },
  address: {
    kind: 'host',
    label: 'Send to',
    help: "The machine's own address or another network's broadcast address, where routers let it through. Without it the interface's broadcast address.",
    scope: 'controller',
    required: false,
  },
  port: { kind: 'port', label: 'UDP port', help: 'Usually 9 or 7.', scope: 'controller', required: true, default: 9 },
  secureOn: {
    kind: 'secret',
    label: 'SecureOn password',
    help: 'Only where the card has one: 00:11:22:aa:bb:cc or 192.168.1.1.',
    scope: 'machine',
    required: false,
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

interface Way {
  /** The address to send from; without it the kernel chooses. */
  readonly from: string | undefined;
  readonly to: string;
}

/** Wake-on-LAN: a magic packet and nothing else. It cannot switch off, and it sees nothing of what became of it. */
export const wol = definePowerDriver({
  name: 'wol',
  summary: 'Wake-on-LAN: switches on, and cannot see whether it did',
  fields,
  abilities: ['on'],
  callTimeoutMs: 5000,
  settleTimeoutMs: 5000,
  open: (parameters, { clock }) => {
    const packet = packetOf(parameters);
    return {
      set: async (want, signal) => {
        if (want === 'off')
          throw new PowerError('refused', 'wol: a magic packet switches on only; switch off at the machine');
        const way = wayOf(parameters);
        if (!way.ok) throw new PowerError('config', `wol: ${way.error}`);
        await send(packet, way.value, parameters.port, clock, signal);
      },
      query: () => Promise.resolve('unknown'),
    };
  },
});

function packetOf({ mac, secureOn }: Parameters): Uint8Array {
  const address = parseMac(mac);
  if (!address.ok) throw new PowerError('config', `wol: "mac": ${address.error}`);
  if (secureOn === undefined) return magicPacket(address.value);
  const password = readSecureOn(secureOn);
  if (!password.ok) throw new PowerError('config', `wol: "secureOn" ${password.error}`);
  return magicPacket(address.value, password.value);
}

function wayOf({ interface: device, address }: Parameters): Result<Way> {
  if (device === undefined) return ok({ from: undefined, to: address ?? '255.255.255.255' });
  const own = networkInterfaces()[device]?.find(({ family }) => family === 'IPv4');
  if (!own) return err(`this host has no interface "${device}" with an IPv4 address`);
  const [ip, mask] = [parseIpv4(own.address), parseIpv4(own.netmask)];
  if (!ip.ok || !mask.ok) return err(`interface "${device}" has no usable IPv4 address`);
  return ok({ from: own.address, to: address ?? formatIpv4(ipv4(ip.value | ~mask.value)) });
}

async function send(packet: Uint8Array, way: Way, port: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const socket = createSocket(way.to.includes(':') ? 'udp6' : 'udp4');
  try {
    await ready(socket, way.from);
    for (let copy = 0; copy < COPIES; copy += 1) {
      if (copy > 0) await pause(clock, BETWEEN_MS);
      if (signal.aborted) throw new PowerError('timeout', `wol: stopped while sending to ${way.to}`);
      await sendOnce(socket, packet, port, way.to);
    }
  } catch (cause) {
    if (cause instanceof PowerError) throw cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new PowerError('unreachable', `wol: cannot send to ${way.to}: ${words}`, { cause });
  } finally {
    socket.close();
  }
}

function ready(socket: Socket, from: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port: 0, ...(from === undefined ? {} : { address: from }) }, () => {
      socket.off('error', reject);
      // What still comes to a socket about to be closed is nobody's.
      socket.on('error', () => undefined);
      socket.setBroadcast(true);
      resolve();
    });
  });
}

function sendOnce(socket: Socket, packet: Uint8Array, port: number, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, port, to, (fault) => {
      if (fault) reject(fault);
      else resolve();
    });
  });
}
