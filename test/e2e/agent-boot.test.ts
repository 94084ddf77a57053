import { strict as assert } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_KERNELS, type AgentArch } from '../../agent/build.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import { formatIpv4 } from '../../server/core/address.ts';
import { fdtSha256Of, parseFacts } from '../../server/core/parse-facts.ts';
import { agentFor, bootAgent, recordPosts, serveDhcp, type AgentPost } from '../support/agent-boot.ts';
import { inTempFolder } from '../support/archives.ts';
import { until } from '../support/until.ts';

/** Far longer than it takes: the host may be busy. */
const WITHIN_MS = 200_000;
const ADDRESS = '10.98.0.1';
const TOKEN = '0123456789abcdef0123456789abcdef';
const UUID = 'daf5ab7e-f6f5-53cd-9583-3dd819d43414';
const ARCHES = Object.keys(AGENT_KERNELS) as AgentArch[];
const MEMORY_MIB: Readonly<Record<AgentArch, number>> = { amd64: 512, arm64: 768, armhf: 512 };

const isFacts = (post: AgentPost): boolean => post.path === '/agent/v1/facts';
const stepOf = (post: AgentPost): string =>
  typeof post.body === 'object' && post.body !== null && 'step' in post.body ? String(post.body.step) : '';

describe('the agent on QEMU machines, booted directly', function () {
  this.timeout(480_000);
  let lan: Lan;
  let stopDhcp: () => Promise<void>;

  before(async () => {
    lan = await layLan('agent0', `${ADDRESS}/24`);
    await lan.addTap('agenttap0');
    stopDhcp = await serveDhcp('agent0', '10.98.0');
  });
  after(async () => {
    await stopDhcp();
    await lan.remove();
  });

  for (const [index, arch] of ARCHES.entries())
    it(`${arch}: gets an address, tells its steps through a busy server, sends facts that parse, and then waits`, async () => {
      const mac = `52:54:00:aa:bb:0${index + 1}`;
      await inTempFolder(async (folder) => {
        const agent = await agentFor(arch);
        const disk = join(folder, 'disk.img');
        await writeFile(disk, Buffer.alloc(8 << 20));
        // The first answer is "busy": the agent must come again.
        const record = await recordPosts(ADDRESS, (_post, nth) => (nth === 0 ? 503 : 200));
        const url = `http://${ADDRESS}:${record.port}`;
        const args = [`BOOTIF=01-${mac.replaceAll(':', '-')}`, `farrier.url=${url}`, `farrier.token=${TOKEN}`];
        const devices = ['-drive', `if=none,id=d0,format=raw,file=${disk}`];
        devices.push('-device', 'virtio-blk-pci,drive=d0,serial=DISK-1', '-uuid', UUID);
        const beganMs = performance.now();
        const machine = bootAgent(agent, 'agenttap0', mac, args, devices);
        try {
          await until('facts', () => record.posts.some(isFacts), WITHIN_MS, machine.console);
          console.log(`      facts after ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
          await until('waiting', () => machine.console().includes('waiting for an order'), WITHIN_MS, machine.console);
        } finally {
          await machine.stop();
          record.close();
        }
        assert.ok(record.posts.every((post) => post.token === TOKEN));
        const steps = record.posts.filter((post) => post.path === '/agent/v1/step').map(stepOf);
        assert.match(steps[0] ?? '', /^address on eth\d after \d+ s, kernel 6\./);
        assert.equal(steps[1], steps[0], 'the step that met a busy server is told again');
        assert.match(steps[2] ?? '', /^facts gathered, \d+ octets, after \d+ s$/);
        assertFacts(arch, mac, record.posts.find(isFacts)?.body);
        assert.ok(!machine.console().includes('Kernel panic'));
      });
    });

  it('a token the server refuses: said on the console, facts are not sent', async () => {
    const agent = await agentFor('arm64');
    const record = await recordPosts(ADDRESS, () => 403);
    const args = [`farrier.url=http://${ADDRESS}:${record.port}`, `farrier.token=${TOKEN}`];
    const machine = bootAgent(agent, 'agenttap0', '52:54:00:aa:bb:09', args);
    try {
      await until('the end', () => machine.console().includes('not enlisted'), WITHIN_MS, machine.console);
    } finally {
      await machine.stop();
      record.close();
    }
    assert.match(machine.console(), /the server refused \/agent\/v1\/step: 403/);
    assert.ok(!record.posts.some(isFacts));
  });
});

function assertFacts(arch: AgentArch, mac: string, body: unknown): void {
  assert.ok(typeof body === 'object' && body !== null);
  const raw = Object.fromEntries(Object.entries(body).map(([name, value]) => [name, String(value)]));
  const facts = parseFacts(raw);
  assert.equal(facts.arch, arch);
  const memoryMib = facts.memoryOctets / 1_048_576;
  assert.ok(memoryMib > 0.8 * MEMORY_MIB[arch] && memoryMib <= MEMORY_MIB[arch], `${memoryMib} MiB`);
  assert.equal(facts.cpuCount, 1);
  assert.equal(facts.nics.length, 1);
  const [nic] = facts.nics;
  assert.deepEqual([nic?.mac, nic?.driver, nic?.linkUp], [mac, 'virtio_net', true]);
  assert.match(nic?.addresses.map(formatIpv4).join() ?? '', /^10\.98\.0\.\d+$/);
  assert.deepEqual(
    facts.disks.map((disk) => [disk.name, disk.octets, disk.serial]),
    [['vda', 8 << 20, 'DISK-1']],
  );
  assert.ok(facts.cmdline?.includes('farrier.url=') === true && !facts.cmdline.includes(TOKEN));
  if (arch === 'amd64') assert.deepEqual([facts.systemUuid, facts.vendor, facts.dtModel], [UUID, 'QEMU', undefined]);
  else assert.deepEqual([facts.dtModel, fdtSha256Of(raw)?.length], ['linux,dummy-virt', 64]);
}
