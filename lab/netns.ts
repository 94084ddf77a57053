import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a tool to its end; the error names the command and what it said. */
export async function tool(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(command, [...args], { maxBuffer: 16 << 20 });
  return stdout;
}

/** A host of the pretend lab: a network namespace with one interface `eth0` on the LAN. */
export interface LabHost {
  readonly netns: string;
  /** Runs a program on that host to its end. */
  exec(command: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }>;
  /** Starts a program on that host; the caller ends it. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Gives it one more interface on the same LAN. */
  addNic(device: string, mac: string): Promise<void>;
  remove(): Promise<void>;
}

/** A bridge in this process's own network namespace, with hosts and taps plugged into it. */
export interface Lan {
  readonly bridge: string;
  /** Plugs in a host; `address` with prefix (`10.77.0.9/24`) only where it must not come from DHCP. */
  addHost(name: string, options?: { readonly mac?: string; readonly address?: string }): Promise<LabHost>;
  /** Plugs in a tap interface for a QEMU machine. */
  addTap(name: string): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Lays a LAN in the current network namespace, which the caller has made private (see scripts/lab.cjs): needs
 * CAP_NET_ADMIN there and Debian's iproute2. `address` is ours on it, with prefix.
 */
export async function layLan(bridge: string, address: string): Promise<Lan> {
  await tool('ip', ['link', 'set', 'lo', 'up']);
  await tool('ip', ['link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0']);
  await tool('ip', ['addr', 'add', address, 'dev', bridge]);
  await tool('ip', ['link', 'set', bridge, 'up']);
  const hosts = new Set<LabHost>();
  return {
    bridge,
    addHost: async (name, options = {}) => {
      const host = await plugHost(bridge, name, options, () => hosts.delete(host));
      hosts.add(host);
      return host;
    },
    addTap: async (name) => {
      await tool('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tap']);
      await tool('ip', ['link', 'set', name, 'master', bridge, 'up']);
    },
    remove: async () => {
      for (const host of hosts) await host.remove();
      await tool('ip', ['link', 'del', bridge]);
    },
  };
}

async function plugHost(
  bridge: string,
  name: string,
  options: { readonly mac?: string; readonly address?: string },
  gone: () => void,
): Promise<LabHost> {
  const inside = (...args: string[]): Promise<string> => tool('ip', ['netns', 'exec', name, 'ip', ...args]);
  const plugNic = async (outer: string, device: string, mac: string | undefined): Promise<void> => {
    await tool('ip', ['link', 'add', outer, 'type', 'veth', 'peer', 'name', device, 'netns', name]);
    await tool('ip', ['link', 'set', outer, 'master', bridge, 'up']);
    if (mac !== undefined) await inside('link', 'set', device, 'address', mac);
    await inside('link', 'set', device, 'up');
  };
  await tool('ip', ['netns', 'add', name]);
  await inside('link', 'set', 'lo', 'up');
  await plugNic(`v-${name}`.slice(0, 15), 'eth0', options.mac);
  if (options.address) await inside('addr', 'add', options.address, 'dev', 'eth0');
  return {
    netns: name,
    exec: (command, args) => run('ip', ['netns', 'exec', name, command, ...args], { maxBuffer: 16 << 20 }),
    spawn: (command, args, spawnOptions = {}) => spawn('ip', ['netns', 'exec', name, command, ...args], spawnOptions),
    addNic: (device, mac) => plugNic(`${device}-${name}`.slice(0, 15), device, mac),
    remove: async () => {
      gone();
      await tool('ip', ['netns', 'del', name]);
    },
  };
}
