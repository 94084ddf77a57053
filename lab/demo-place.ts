import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { layLan, tool, type Lan } from './netns.ts';
import type { DemoSite } from './demo-site.ts';
import { boardMac, controllerAddresses, type BoardSpawn, type RackPlace } from './rack-plan.ts';

/** A private network namespace, or this host's loopback where there is none to be had. */
export type DemoWhere = 'namespace' | 'loopback';

/** How many boards there are to be of each sort. */
export interface BoardCount {
  readonly virtual: number;
  readonly qemu: number;
}

/** The ground a demo stands on. */
export interface DemoPlace {
  readonly place: RackPlace;
  readonly network: DemoSite['network'];
  readonly httpListen: string;
  /** The boards' LAN, for taps; loopback has none. */
  readonly lan: Lan | undefined;
  /** Starts the program that holds the boards, where they are plugged in. */
  readonly spawn: BoardSpawn;
  remove(): Promise<void>;
}

const [RACK, CONTROLLERS] = ['rack0', 'bmc0'];

/**
 * Lays the demo's networks: boards on `rack0` (10.77.0.0/24), BMCs and PDU on `bmc0` (10.78.0.0/24), as a lab should
 * have it. On loopback nothing needs laying: all of 127/8 is there. Throws when the namespace is not ours to change.
 */
export function layDemoPlace(where: DemoWhere, count: BoardCount): Promise<DemoPlace> {
  switch (where) {
    case 'namespace':
      return layNamespace(count);
    case 'loopback':
      return Promise.resolve(LOOPBACK);
  }
}

const LOOPBACK: DemoPlace = {
  place: {
    deviceOf: () => 'lo',
    addresses: 'loopback',
    ports: { dhcpServer: 6767, dhcpClient: 6768, tftp: 6969 },
    controllers24: '127.78.0',
    bmcPort: 6623,
  },
  network: {
    name: 'rack',
    interface: 'lo',
    subnet: '127.77.0.0/24',
    address: '127.77.0.1',
    pool: '127.77.0.100-127.77.0.199',
  },
  lan: undefined,
  httpListen: '127.77.0.1:5240',
  spawn,
  remove: () => Promise.resolve(),
};

async function layNamespace({ virtual, qemu }: BoardCount): Promise<DemoPlace> {
  await makeNetnsFolder();
  const rack = await layLan(RACK, '10.77.0.1/24');
  const controllers = await layLan(CONTROLLERS, '10.78.0.1/24');
  const place: RackPlace = {
    deviceOf: (nth) => `slot${String(nth)}`,
    addresses: 'own',
    ports: { dhcpServer: 67, dhcpClient: 68, tftp: 69 },
    controllers24: '10.78.0',
    bmcPort: 623,
  };
  for (const address of controllerAddresses(place, qemu || undefined))
    await tool('ip', ['addr', 'add', `${address}/24`, 'dev', CONTROLLERS]);
  const host = await rack.addHost('boards');
  for (let nth = 1; nth <= virtual; nth += 1) await host.addNic(place.deviceOf(nth), boardMac(nth));
  return {
    place,
    network: {
      name: 'rack',
      interface: RACK,
      subnet: '10.77.0.0/24',
      address: '10.77.0.1',
      pool: '10.77.0.100-10.77.0.199',
    },
    lan: rack,
    httpListen: '10.77.0.1:5240',
    spawn: (command, args, options) => host.spawn(command, args, options),
    remove: async () => {
      await rack.remove();
      await controllers.remove();
    },
  };
}

/** `ip netns` keeps its names there; in our own mount namespace it may be covered without touching the host's. */
async function makeNetnsFolder(): Promise<void> {
  const cover = (folder: string): Promise<string> => tool('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  const inside = await mkdir('/run/netns', { recursive: true }).then(
    () => true,
    () => false,
  );
  if (!inside) await cover('/run');
  await mkdir('/run/netns', { recursive: true });
  await cover('/run/netns');
}
