import assert from 'node:assert/strict';
import { fetchByTftp } from '../../lab/virtual/tftp-fetch.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { loadUdpCalls, type Called, type UdpCalls } from '../../server/net/native-udp.ts';
import { probeSegmenting } from '../../server/net/segmented-send.ts';
import type { TftpListener } from '../../server/net/tftp-listener.ts';
import { encodeAck } from '../../server/wire/tftp/packet.ts';
import { patterned, Peer, serveTable, TableFiles, TestContent } from './tftp-support.ts';

/** The system's calls, with faults put in at the nth run and all runs counted. */
function faulty(calls: UdpCalls, fault: (nth: number) => Called | undefined) {
  const seen = { runs: 0, opened: 0 };
  const made: UdpCalls = {
    ...calls,
    open: (address, port) => {
      seen.opened += 1;
      return calls.open(address, port);
    },
    send: (fd, octets) => {
      seen.runs += 1;
      return fault(seen.runs) ?? calls.send(fd, octets);
    },
  };
  return { made, seen };
}

describe('tftp in windows cut by the kernel', () => {
  const open: TftpListener[] = [];
  afterEach(async () => {
    for (const listener of open.splice(0)) await listener.close();
  });

  const fetched = async (
    octets: number,
    options: Readonly<Record<string, string>>,
    fault: (nth: number) => Called | undefined,
  ) => {
    const calls = await loadUdpCalls(process.platform, process.arch);
    assert.ok(calls.ok, 'Linux on x64 or arm64 has the calls; npm ci brings the package');
    const { made, seen } = faulty(calls.value, fault);
    const segmenting = probeSegmenting(made);
    assert.ok(segmenting.ok);
    const files = new TableFiles({ 'boot/file': new TestContent(patterned(octets)) });
    const { port, listener } = await serveTable(files, { segmenting: segmenting.value });
    open.push(listener);
    const { bytes, stats } = await fetchByTftp({
      server: '127.0.0.1',
      port,
      path: 'boot/file',
      clock: realClock,
      options,
    });
    assert.ok(patterned(octets).equals(bytes), 'not an octet is out of place');
    const [report] = await files.ended(1);
    return { stats, runs: seen.runs, sockets: seen.opened - 1, report };
  };

  const WIDE = { blksize: '1468', windowsize: '16' };
  const never = (): undefined => undefined;

  for (const octets of [1_000_000, 16 * 1468, 16 * 1468 - 1, 1468, 1467, 1, 0])
    it(`${octets} octets, window 16`, async () => {
      const { report } = await fetched(octets, WIDE, never);
      assert.deepEqual([report?.outcome, report?.octetsSent], ['done', octets]);
    });

  it('sends a window in one call', async () => {
    const { stats, runs, report } = await fetched(1_000_000, WIDE, never);
    // A window that lies on two chunks is two runs, and so is one that a busy host sends again.
    const runsMax = Math.ceil(stats.blocks / 16) + Math.ceil(stats.blocks / 89) + (report?.retransmits ?? 0);
    assert.ok(runs > 0 && runs <= runsMax, `${runs} runs for ${stats.blocks} blocks`);
  });

  it('window 1 takes no such socket at all', async () => {
    const { runs, sockets } = await fetched(100_000, { blksize: '1468' }, never);
    assert.deepEqual([runs, sockets], [0, 0]);
  });

  for (const [errno, name] of [
    [5, 'EIO'],
    [22, 'EINVAL'],
    [90, 'EMSGSIZE'],
  ] as const)
    it(`${name} in the middle: the same window goes out packet by packet, and so does the rest`, async () => {
      const { runs, report } = await fetched(1_000_000, WIDE, (nth) => (nth === 5 ? { errno } : undefined));
      assert.deepEqual([runs, report?.outcome], [5, 'done']);
    });

  it('EAGAIN in the middle: the window is sent again after the timeout', async () => {
    const { report } = await fetched(1_000_000, WIDE, (nth) => (nth === 5 ? { errno: 11 } : undefined));
    assert.equal(report?.outcome, 'done');
    assert.ok(report.retransmits >= 16, `${report.retransmits} blocks sent again`);
  });

  it('a client that is gone ends its transfer', async () => {
    const calls = await loadUdpCalls(process.platform, process.arch);
    assert.ok(calls.ok);
    const segmenting = probeSegmenting(faulty(calls.value, (nth) => (nth === 1 ? { errno: 111 } : undefined)).made);
    assert.ok(segmenting.ok);
    const files = new TableFiles({ x: new TestContent(patterned(1_000_000)) });
    const { port, listener } = await serveTable(files, { segmenting: segmenting.value });
    open.push(listener);
    const client = await Peer.at();
    client.send('\0\x01x\0octet\0windowsize\x004\0', port);
    const { packet, port: transfer } = await client.next();
    assert.equal(packet.op, 'OACK');
    client.send(encodeAck(0), transfer);
    assert.match((await files.ended(1))[0]?.words ?? '', /closed its port/);
    await client.close();
  });
});
