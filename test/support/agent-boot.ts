import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAgent, type AgentArch, type BuiltAgent } from '../../agent/build.ts';
import type { AgentExtras } from '../../agent/extras.ts';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { startDnsmasq } from './dnsmasq.ts';

/** Where tests keep downloaded packages between runs. */
export const TEST_CACHE = process.env['FARRIER_CACHE'] ?? join(homedir(), '.cache', 'farrier');

const agents = new Map<string, Promise<BuiltAgent>>();

/** The agent of an architecture, built once a run from the packages in the cache. */
export function agentFor(arch: AgentArch, extras: AgentExtras = {}): Promise<BuiltAgent> {
  const key = `${arch} ${JSON.stringify(extras)}`;
  const order = { arch, extras, cacheDir: TEST_CACHE, outDir: join(TEST_CACHE, 'agents') };
  const known = agents.get(key) ?? buildAgent(order);
  agents.set(key, known);
  return known;
}

/** One POST of an agent, as it came. */
export interface AgentPost {
  readonly path: string;
  readonly token: string | undefined;
  readonly body: unknown;
}

/** Records what agents post, and answers with what `status` says; who asks for the parameters gets `parameters`. */
export async function recordPosts(
  address: string,
  status: (post: AgentPost, index: number) => number = () => 200,
  parameters = '',
): Promise<{ port: number; posts: AgentPost[]; close: () => void }> {
  const posts: AgentPost[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (request.url === '/agent/v1/parameters?as=shell') {
        response.end(parameters);
        return;
      }
      const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
      const post = { path: request.url ?? '', token, body: JSON.parse(Buffer.concat(parts).toString()) as unknown };
      posts.push(post);
      response.writeHead(status(post, posts.length - 1), { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  return {
    port,
    posts,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A DHCP server for one LAN whose first three numbers are `prefix24`; the answer ends it. */
export async function serveDhcp(bridge: string, prefix24: string): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'dnsmasq-'));
  const dnsmasq = await startDnsmasq(folder, { bridge, prefix24 }, ['dhcp-authoritative']);
  return async () => {
    await dnsmasq.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

const QEMU: Readonly<Record<AgentArch, readonly string[]>> = {
  amd64: ['qemu-system-x86_64', '-machine', 'q35', '-m', '512'],
  arm64: ['qemu-system-aarch64', '-machine', 'virt', '-cpu', 'cortex-a57', '-m', '768'],
  armhf: ['qemu-system-arm', '-machine', 'virt,highmem=off', '-cpu', 'cortex-a15', '-m', '512'],
};
const CONSOLES: Readonly<Record<AgentArch, string>> = { amd64: 'ttyS0', arm64: 'ttyAMA0', armhf: 'ttyAMA0' };

/** Boots an agent's kernel and initramfs directly in QEMU on a tap; `console` grows as the machine speaks. */
export function bootAgent(
  agent: BuiltAgent,
  tap: string,
  mac: string,
  extraArgs: readonly string[],
  qemuArgs: readonly string[] = [],
): { console: () => string; type: (text: string) => void; stop: () => Promise<void> } {
  const [program = '', ...machine] = QEMU[agent.arch];
  const common = [
    '-display',
    'none',
    '-nodefaults',
    '-accel',
    'tcg',
    '-no-reboot',
    '-serial',
    'stdio',
    '-monitor',
    'none',
  ];
  const nic = ['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`];
  const card = ['-device', `virtio-net-pci,netdev=n0,mac=${mac},romfile=`];
  const append = [`console=${CONSOLES[agent.arch]}`, ...agent.kernelArgs, ...extraArgs].join(' ');
  const files = ['-kernel', agent.kernel, '-initrd', agent.initrd, '-append', append];
  const child = spawn(program, [...machine, ...common, ...nic, ...card, ...qemuArgs, ...files], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return {
    console: saidBy(child).all,
    type: (text) => child.stdin.write(text),
    stop: async () => {
      await endChild(child);
    },
  };
}
