import { readdir, readFile, readlink } from 'node:fs/promises';

/** Programs that commonly hold a port, for the remedy when the holder cannot be seen. */
const LIKELY_HOLDERS = 'dnsmasq, isc-dhcp-server (dhcpd), kea-dhcp4, systemd-networkd or libvirt (its own dnsmasq)';
const LIKELY_TFTP_HOLDERS = 'tftpd-hpa, dnsmasq or atftpd';
const TFTP_PORT = 69;

/**
 * Who holds a UDP port of this host: `dnsmasq (pid 812)`. Without the right to look into other users' processes the
 * usual suspects are named.
 */
export async function holderOfUdpPort(port: number): Promise<string> {
  const likely = port === TFTP_PORT ? LIKELY_TFTP_HOLDERS : LIKELY_HOLDERS;
  const inodes = await inodesOfUdpPort(port);
  if (inodes.size === 0) return `another program (often ${likely})`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) if (await holdsSocket(pid, inodes)) return `${await nameOf(pid)} (pid ${pid})`;
  return `another user's program (often ${likely})`;
}

async function inodesOfUdpPort(port: number): Promise<ReadonlySet<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(['/proc/net/udp', '/proc/net/udp6'].map(readOrNothing));
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)));
  return new Set(rows.filter((row) => row[1]?.endsWith(suffix)).map((row) => row[9] ?? ''));
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  try {
    const names = await readdir(`/proc/${pid}/fd`);
    const links = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
    return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? 'none'));
  } catch {
    return false; // another user's process, or one that has just ended
  }
}

async function nameOf(pid: string): Promise<string> {
  return (await readOrNothing(`/proc/${pid}/comm`)).trim() || 'a program';
}

async function readOrNothing(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
