import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endChild, saidBy } from '../../lab/child-process.ts';
import type { LabHost } from '../../lab/netns.ts';

/** The DHCP servers Debian ships, as peers of ours on the same wire. */
export const FOREIGN_SERVERS = ['dnsmasq', 'ISC dhcpd', 'Kea'] as const;
export type ForeignServer = (typeof FOREIGN_SERVERS)[number];

/** The network a foreign server gives addresses on; `folder` is its own. */
export interface ForeignOrder {
  /** Three numbers: `10.77.0`. It gives .100 to .120 of the /24. */
  readonly prefix24: string;
  readonly folder: string;
  /** The TFTP server it names to its clients, and their boot file; nothing: addresses only. */
  readonly names?: { readonly server: string; readonly file: string };
}

/** A foreign server that runs. */
export interface Foreign {
  log(): string;
  stop(): Promise<void>;
}

interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** What it says once it listens. */
  readonly ready: RegExp;
}

const LAUNCH: Readonly<Record<ForeignServer, (order: ForeignOrder) => Launch>> = {
  dnsmasq: launchDnsmasq,
  'ISC dhcpd': launchDhcpd,
  Kea: launchKea,
};

/** By its path: npm puts node_modules/.bin first, where the package `dhcp` has a `dhcpd` of its own. */
const ISC_DHCPD = '/usr/sbin/dhcpd';

/** Starts a server on `eth0` of a host of the lab, as its manual says, and waits until it listens. */
export async function startForeign(which: ForeignServer, host: LabHost, order: ForeignOrder): Promise<Foreign> {
  const { command, args, ready } = LAUNCH[which](order);
  const child = host.spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...KEA_PATHS(order) },
  });
  const said = saidBy(child);
  const stop = async (): Promise<void> => {
    await endChild(child);
  };
  try {
    await said.has(ready, LISTENS_MS);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { log: said.all, stop };
}

const LISTENS_MS = 60_000;

const KEA_PATHS = ({ folder }: ForeignOrder): Readonly<Record<string, string>> => ({
  ...{ KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: folder, KEA_LOGGER_DESTINATION: 'stdout' },
});

function launchDnsmasq({ prefix24, folder, names }: ForeignOrder): Launch {
  const range = `--dhcp-range=${prefix24}.100,${prefix24}.120,255.255.255.0,1h`;
  const boot = names ? [`--dhcp-boot=${names.file},,${names.server}`] : [];
  const quiet = [
    '--port=0',
    '--conf-file=/dev/null',
    '--user=root',
    '--no-ping',
    '--pid-file=',
    `--dhcp-leasefile=${folder}/dnsmasq`,
  ];
  const args = ['--keep-in-foreground', '--log-facility=-', '--log-dhcp', '--interface=eth0', ...quiet, range, ...boot];
  return { command: 'dnsmasq', args, ready: /DHCP, IP range/ };
}

function launchDhcpd({ prefix24, folder, names }: ForeignOrder): Launch {
  const boot = names ? [`  next-server ${names.server};`, `  filename "${names.file}";`] : [];
  const subnet = [
    `subnet ${prefix24}.0 netmask 255.255.255.0 {`,
    `  range ${prefix24}.100 ${prefix24}.120;`,
    ...boot,
    '}',
  ];
  writeFileSync(join(folder, 'dhcpd.conf'), ['default-lease-time 3600;', ...subnet, ''].join('\n'));
  writeFileSync(join(folder, 'dhcpd.leases'), '');
  const files = ['-cf', join(folder, 'dhcpd.conf'), '-lf', join(folder, 'dhcpd.leases'), '--no-pid'];
  return {
    command: ISC_DHCPD,
    args: ['-4', '-d', '-f', ...files, 'eth0'],
    ready: /Server starting service|Sending on +Socket/,
  };
}

function launchKea({ prefix24, folder, names }: ForeignOrder): Launch {
  const boot = names ? { 'next-server': names.server, 'boot-file-name': names.file } : {};
  const subnet = { id: 1, subnet: `${prefix24}.0/24`, pools: [{ pool: `${prefix24}.100 - ${prefix24}.120` }], ...boot };
  const loggers = [{ name: 'kea-dhcp4', output_options: [{ output: 'stdout' }], severity: 'INFO' }];
  const leases = { type: 'memfile', persist: false };
  const conf = {
    'interfaces-config': { interfaces: ['eth0'] },
    'lease-database': leases,
    subnet4: [subnet],
    loggers,
  };
  writeFileSync(join(folder, 'kea.json'), JSON.stringify({ Dhcp4: conf }));
  return { command: 'kea-dhcp4', args: ['-c', join(folder, 'kea.json')], ready: /DHCP4_STARTED/ };
}
