import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBoardHost, type BoardHost } from '../../lab/board-host.ts';
import type { BoardKind } from '../../lab/board-kinds.ts';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { importDemoBundles } from '../../lab/demo-bundles.ts';
import { labClock } from '../../lab/lab-clock.ts';
import { layLan, type LabHost, type Lan } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { contains, formatIpv4, macOf } from '../../server/core/address.ts';
import { decodeMessage, messageType } from '../../server/wire/dhcp/message.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { FOREIGN_SERVERS, startForeign, type Foreign } from '../support/foreign-dhcp.ts';
import { ip } from '../support/dhcp-lab.ts';

const SOON_MS = 60_000;
const EVENTS = '/api/v1/events?limit=1000';
const BRIDGE = 'pxbr0';
const OURS = '10.94.0.1';
const THEIRS = '10.94.0.9';
const THEIR_MAC = '52:54:00:94:00:99';
const PORTS = { dhcpServer: 67, dhcpClient: 68, tftp: 69 };
const SIZES = { kernelOctets: 40_000, initrdOctets: 60_000, loaderOctets: 20_000 };
const KINDS: readonly BoardKind[] = ['bios-ipxe', 'uefi-x64', 'uefi-arm64', 'uboot-arm64'];
/** Where the UDP payload begins in a frame without options, and in a classic capture file's record. */
const [PAYLOAD_AT, FILE_HEADER, RECORD_HEADER] = [14 + 20 + 8, 24, 16];

/** The payloads of the frames in a capture file of tcpdump's. */
function payloads(capture: Buffer): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= capture.length;) {
    const octets = capture.readUInt32LE(at + 8);
    found.push(capture.subarray(at + RECORD_HEADER + PAYLOAD_AT, at + RECORD_HEADER + octets));
    at += RECORD_HEADER + octets;
  }
  return found;
}

describe('proxy mode beside real DHCP servers', function () {
  this.timeout(300_000);
  let folder: string;
  let lan: Lan;
  let theirHost: LabHost;
  let farrier: FarrierProcess;
  let boards: BoardHost;
  let boardHost: LabHost;
  let tcpdump: ChildProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-px-'));
    lan = await layLan(BRIDGE, `${OURS}/24`);
    theirHost = await lan.addHost('px-dhcp', { mac: THEIR_MAC, address: `${THEIRS}/24` });
    tcpdump = await capture(join(folder, 'sent.pcap'));
    farrier = await startFarrier({
      networks: [{ name: 'rack1', interface: BRIDGE, subnet: '10.94.0.0/24', address: OURS, dhcp: 'proxy' }],
    });
    await importDemoBundles(farrier.api, SIZES);
    const host = await lan.addHost('px-boards');
    boards = await startBoardHost((command, args, options) => host.spawn(command, args, options), labClock());
    boardHost = host;
    // Many cards in one host: each answers ARP for its own address only, as boards of their own would.
    await host.exec('sysctl', ['-qw', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2']);
    // Servers answer by unicast to the address on offer, which firmware hears before the address is its own.
    await host.exec('ip', ['route', 'add', 'local', '10.94.0.96/27', 'dev', 'lo']);
  });
  after(async () => {
    await boards.stop();
    await farrier.stop();
    await endChild(tcpdump, { by: 'SIGINT' });
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  /** Everything that leaves this host as DHCP. */
  async function capture(file: string): Promise<ChildProcess> {
    const filter = `udp and src host ${OURS} and (src port 67 or src port 4011)`;
    const args = ['-i', BRIDGE, '-Z', 'root', '-U', '-w', file, filter];
    const child = spawn('tcpdump', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    await saidBy(child).has('listening on', 30_000);
    return child;
  }

  it('7 while nobody gives addresses, that is said in words, on the page too', async () => {
    const isSaid = (body: unknown): boolean => JSON.stringify(body).includes('nobody gives addresses on rack1');
    await untilApi(farrier.api, '/api/v1/events?limit=100', isSaid, SOON_MS);
    const page = await farrier.api.call('GET', '/');
    assert.ok(isSaid(page.body), 'the banner above the rack');
  });

  for (const [nth, server] of FOREIGN_SERVERS.entries())
    it(`D25 beside ${server}: BIOS iPXE, UEFI and u-boot take its addresses and our files, and enlist`, async () => {
      const own = join(folder, String(nth));
      await mkdir(own, { mode: 0o777 });
      // u-boot takes no proxy's offer: the server names us, as the manual says.
      const names = { server: OURS, file: 'boot.scr.uimg' };
      const foreign: Foreign = await startForeign(server, theirHost, { prefix24: '10.94.0', folder: own, names });
      try {
        await Promise.all(KINDS.map((kind, at) => bootAndEnlist(kind, nth * 16 + at + 1)));
        const { api } = farrier;
        if (nth === 0) {
          const named = `the DHCP server of rack1 is ${THEIRS} (${THEIR_MAC})`;
          const isNamed = (body: unknown): boolean => JSON.stringify(body).includes(named);
          await untilApi(api, EVENTS, isNamed, SOON_MS);
          const said = listOf(await api.must('GET', EVENTS), 'events').map((event) => String(memberOf(event, 'text')));
          assert.equal(said.filter((text) => text.startsWith(named)).length, 1, said.join('\n'));
        }
        assert.ok(!JSON.stringify((await api.call('GET', '/')).body).includes('another DHCP server'));
      } catch (cause) {
        throw new Error(`${String(cause)}\n${foreign.log().slice(-3000)}`, { cause });
      } finally {
        await foreign.stop();
      }
    });

  async function bootAndEnlist(kind: BoardKind, nth: number): Promise<void> {
    const mac = macOf(Uint8Array.of(0x52, 0x54, 0, 0x94, 1, nth));
    const uuid = `57094000-0000-4000-8000-${String(nth).padStart(12, '0')}`;
    const device = `b${String(nth)}`;
    await boardHost.addNic(device, mac);
    await boards.plug({ device, ports: PORTS, addresses: 'own' });
    const board = await boards.add(device, { name: `px${String(nth)}`, kind, mac, uuid, uboot: 'stock', paceMs: 0 });
    await board.powerOn();
    const report = await board.reaches(['agent'], 120_000);
    assert.ok(report.address !== undefined && contains({ network: ip('10.94.0.96'), prefix: 27 }, report.address));
    const path = `/api/v1/machines/${mac}`;
    await untilApi(farrier.api, path, (body) => memberOf(body, 'facts') !== undefined, SOON_MS);
    // What DHCP says reaches the timeline in batches, the agent's words at once.
    const taken = `takes ${formatIpv4(report.address)} from the DHCP server ${THEIRS}`;
    await untilApi(farrier.api, `${path}/timeline`, (body) => JSON.stringify(body).includes(taken), SOON_MS);
    await board.powerOff();
  }

  it('D25 of all that left this host, nothing held an address or a lease, and only port 4011 said ACK', async () => {
    // Only then is all of it in the file, and nothing by half.
    await endChild(tcpdump, { by: 'SIGINT' });
    const sent = payloads(await readFile(join(folder, 'sent.pcap')));
    const messages = sent.map((octets) => {
      const message = decodeMessage(octets);
      assert.ok(message.ok);
      return message.value;
    });
    const types = new Set(messages.map((message) => messageType(message.options)));
    assert.deepEqual([...types].sort(), ['ACK', 'OFFER']);
    assert.deepEqual(
      messages.filter((message) => message.yiaddr !== 0 || message.options.has(51)),
      [],
    );
    assert.deepEqual(listOf(await farrier.api.must('GET', '/api/v1/leases'), 'leases'), []);
  });
});
