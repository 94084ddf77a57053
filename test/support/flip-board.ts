import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { tool, type LabHost } from '../../lab/netns.ts';
import { startSerialPort } from '../../lab/serial-port.ts';
import { memberOf, type SocketApi } from '../../lab/socket-api.ts';
import { formatIpv4, ipv4, type Ipv4 } from '../../server/core/address.ts';
import type { FlipSign } from '../../server/core/flip-judge.ts';
import type { Machine } from '../../server/core/machine.ts';
import { createBoardSerial } from './board-serial.ts';
import { listOf } from './farrier-process.ts';
import { sampleFacts, sampleMachine } from './samples.ts';
import { until } from './until.ts';

/** A board that shows one sign of life while it has power. */
export interface FlipBoard {
  /** As the store knows it before the daemon starts. */
  readonly machine: Machine;
  isOn(): boolean;
  turn(on: boolean): void;
  /** Tells the daemon what it must know besides. */
  tell(): Promise<void>;
  /** What the board does in one second; resolves when the daemon has heard it. */
  second(): Promise<void>;
}

interface Bench {
  /** Where boards have their addresses, and ask by DHCP. */
  readonly host: LabHost;
  readonly api: SocketApi;
  readonly keep: (close: () => Promise<unknown>) => void;
}

/** Asks once by DHCP as this MAC; the packet may get lost. */
type Ask = (mac: string) => void;

/** A packet that got lost is sent again; the host may be busy. */
const [HEARD_MS, TRIES] = [3000, 20];

/** Where the boards are. */
export const ROUTER = '10.98.0.2';

/** Boards that are on; the nth (from 1) shows the nth sign. */
export async function createFlipBoards(signs: readonly FlipSign[], bench: Bench): Promise<readonly FlipBoard[]> {
  const ask = await startAsking(bench);
  await routeBmcs(bench.host);
  const boards: FlipBoard[] = [];
  for (const [at, sign] of signs.entries()) boards.push(await boardOf(at + 1, sign, bench, ask));
  return boards;
}

function boardOf(nth: number, sign: FlipSign, bench: Bench, ask: Ask): Promise<FlipBoard> {
  const machine = sampleMachine(nth, { name: `slot-${String(nth)}` });
  const addressIn = (net: number): Ipv4 => ipv4(0x0a620000 + (net << 8) + 10 + nth);
  switch (sign) {
    case 'link':
      return answering({ ...machine, reserved: addressIn(0) }, addressIn(0), bench);
    case 'BMC':
      return answering({ ...machine, facts: { ...sampleFacts, bmcAddress: addressIn(9) } }, addressIn(9), bench);
    case 'DHCP':
      return Promise.resolve(asking(machine, bench, ask));
    case 'console':
      return talking(machine, bench);
  }
}

/** BMCs have a network of their own behind a router, which says so when one is not there; of a board nobody says anything. */
async function routeBmcs(host: LabHost): Promise<void> {
  // The kernel says "unreachable" once a second only, and seconds are short here.
  await host.exec('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.icmp_ratelimit=0']);
  await host.exec('ip', ['route', 'add', 'unreachable', '10.98.9.0/24']);
  await tool('ip', ['route', 'add', '10.98.9.0/24', 'via', ROUTER]);
}

const nothing = (): Promise<void> => Promise.resolve();

/** A board (or its BMC) whose address is there while it has power. */
async function answering(machine: Machine, address: Ipv4, { host, keep }: Bench): Promise<FlipBoard> {
  let isOn = true;
  const change = (verb: 'add' | 'del'): Promise<unknown> =>
    host.exec('ip', ['addr', verb, `${formatIpv4(address)}/32`, 'dev', 'eth0']);
  let switching = change('add');
  await switching;
  keep(() => switching);
  return {
    machine,
    isOn: () => isOn,
    turn: (on) => {
      isOn = on;
      switching = switching.then(() => change(on ? 'add' : 'del'));
    },
    tell: nothing,
    // Whoever looks after it was switched shall find it so.
    second: async () => {
      await switching;
    },
  };
}

/** A board in its loader that asks by DHCP every two seconds and never gets on. */
function asking(machine: Machine, { api }: Bench, ask: Ask): FlipBoard {
  let [isOn, seconds] = [true, 0];
  const [mac = ''] = machine.macs;
  const heard = async (): Promise<number> => {
    const events = listOf(await api.must('GET', `/api/v1/events?machine=${machine.name}&limit=1000`), 'events');
    return events.filter((event) => memberOf(event, 'kind') === 'dhcp').length;
  };
  return {
    machine,
    isOn: () => isOn,
    turn: (on) => (isOn = on),
    tell: nothing,
    second: async () => {
      seconds += 1;
      if (seconds % 2 === 0) return;
      const before = await heard();
      for (let tries = 1; ; tries += 1) {
        ask(mac);
        const came = until(`DHCP of ${machine.name}`, async () => (await heard()) > before, HEARD_MS);
        if (tries === TRIES) return came;
        if (
          await came.then(
            () => true,
            () => false,
          )
        )
          return;
      }
    },
  };
}

/** A board whose console says something every second. */
async function talking(machine: Machine, { api, keep }: Bench): Promise<FlipBoard> {
  const serial = createBoardSerial();
  const line = await startSerialPort(serial, '127.0.0.1');
  keep(() => line.stop());
  const path = `/api/v1/machines/${machine.name}/console`;
  const recorded = async (): Promise<number> =>
    Number(memberOf(memberOf(await api.must('GET', path), 'recorded'), 'to'));
  let isOn = true;
  return {
    machine,
    isOn: () => isOn,
    turn: (on) => (isOn = on),
    tell: async () => {
      const parameters = { host: line.address, port: line.port };
      await api.must('PUT', path, { transport: 'tcp', parameters });
      const isOpen = async (): Promise<boolean> =>
        memberOf(memberOf(await api.must('GET', path), 'line'), 'is') === 'open';
      await until(`the console of ${machine.name} is open`, isOpen, 60_000);
    },
    second: async () => {
      const before = await recorded();
      serial.say(Buffer.from('still waiting for the network\r\n'));
      await until(`the console of ${machine.name}`, async () => (await recorded()) > before, 60_000);
    },
  };
}

/** One process on the boards' side of the network asks for all of them. */
async function startAsking({ host, keep }: Bench): Promise<Ask> {
  const script = fileURLToPath(new URL('ask-dhcp.ts', import.meta.url));
  const child = host.spawn(process.execPath, ['--import', 'tsx', script], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  keep(async () => {
    if (child.connected) child.disconnect();
    await ended;
  });
  await Promise.race([
    once(child, 'message'),
    ended.then(() => {
      throw new Error('the boards that ask by DHCP did not start');
    }),
  ]);
  return (mac) => {
    child.send(mac);
  };
}
