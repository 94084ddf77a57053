import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LabHost } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { listOf } from '../support/farrier-process.ts';
import { startStormLab, type StormLab } from '../support/storm.ts';

const ANSWER_MS = 1000;
const GROWTH_MIB_MAX = 64;
const SENDER = fileURLToPath(new URL('../support/hostile-sender.ts', import.meta.url));

const rssMib = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) / 1024;
const descriptors = (pid: number): number => readdirSync(`/proc/${String(pid)}/fd`).length;

describe('a guest that has turned against its network', () => {
  let lab: StormLab;
  let guest: LabHost;
  before(async () => {
    lab = await startStormLab('host0', 96);
    guest = await lab.lan.addHost('host0-guest', { address: '10.96.3.66/22' });
  });
  after(async () => {
    await lab.stop();
  });

  async function healthMs(): Promise<number> {
    const startMs = performance.now();
    const answer = await fetch(`${lab.farrier.httpUrl}/healthz`);
    assert.equal(answer.status, 204);
    return performance.now() - startMs;
  }

  async function attack(seed: number): Promise<unknown> {
    const child = guest.spawn(process.execPath, ['--import', 'tsx', SENDER, '10.96.0.1', String(seed)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const gone = once(child, 'exit');
    const [told] = (await Promise.race([once(child, 'message'), gone])) as unknown[];
    await gone;
    return told;
  }

  /** How long the board takes to its address and to its first file; it is off again afterwards. */
  async function bootMs(board: VirtualBoard): Promise<{ readonly address: number; readonly file: number }> {
    const has = async (is: () => boolean, what: string): Promise<number> => {
      const startMs = performance.now();
      while (!is()) {
        assert.ok(performance.now() - startMs < 10_000, `no ${what} after 10 s`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return performance.now() - startMs;
    };
    await board.powerOn();
    const address = await has(() => board.report().address !== undefined, 'address');
    const since = board.report().log.findLastIndex(({ what }) => what === 'power');
    const files = () => board.report().log.slice(since);
    const file = await has(() => files().some(({ what, octets }) => what === 'tftp' && octets !== undefined), 'file');
    await board.reaches(['system'], 20_000);
    await board.powerOff();
    return { address, file };
  }

  it('8 a DECLINE storm of one and a half pools and 10,000 made-up boards: an accepted one is served within 1 s', async function () {
    this.timeout(120_000);
    const board = await lab.board(2, 'uboot-arm64');
    await board.powerOn();
    await board.reaches(['agent'], 20_000);
    await board.powerOff();
    await lab.farrier.api.must('POST', `/api/v1/machines/${board.mac}/accept`, { bundle: 'demo-system-arm64@1' });
    const child = guest.spawn(process.execPath, ['--import', 'tsx', SENDER, '10.96.0.1', '9', 'pool'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const messages: unknown[] = [];
    child.on('message', (message) => messages.push(message));
    const gone = once(child, 'exit');
    await once(child, 'message');
    const served = [];
    while (child.exitCode === null) served.push(await bootMs(board));
    await gone;
    served.push(await bootMs(board));
    const told = messages.at(-1);
    console.log(told, served);
    assert.ok(Number(memberOf(told, 'declined')) > 128, 'addresses were declined');
    assert.ok(served.length >= 3);
    assert.deepEqual(
      served.filter(({ address, file }) => address >= ANSWER_MS || file >= ANSWER_MS),
      [],
    );
    const machines = listOf(await lab.farrier.api.must('GET', '/api/v1/machines'), 'machines');
    assert.ok(machines.length < 1010, `${String(machines.length)} machines`);
  });

  it('every kind of hostile packet leaves DHCP, TFTP and HTTP answering within a second', async function () {
    this.timeout(120_000);
    const pid = lab.farrier.pid();
    // Row 8: whoever is accepted keeps being served, whatever strangers do to the pool.
    const board = await lab.board(1, 'uboot-arm64');
    await board.powerOn();
    await board.reaches(['agent'], 20_000);
    await board.powerOff();
    await lab.farrier.api.must('POST', `/api/v1/machines/${board.mac}/accept`, { bundle: 'demo-system-arm64@1' });
    await attack(7);
    const [rssBefore, descriptorsBefore] = [rssMib(pid), descriptors(pid)];
    const slowest: number[] = [];
    const watch = setInterval(() => {
      void healthMs().then((ms) => slowest.push(ms));
    }, 100);
    const told = await attack(8);
    clearInterval(watch);
    assert.ok(Number(memberOf(told, 'dhcpSent')) > 2500 && Number(memberOf(told, 'tftpSent')) > 2000);
    const http = memberOf(told, 'http');
    assert.ok(
      Array.isArray(http) && http.every((status) => status === 0 || (status >= 300 && status < 500)),
      String(http),
    );
    assert.ok(
      slowest.length > 0 && Math.max(...slowest) < ANSWER_MS,
      `slowest page: ${String(Math.max(...slowest))} ms`,
    );

    const onMs = performance.now();
    await board.powerOn();
    while (board.report().address === undefined) {
      assert.ok(performance.now() - onMs < ANSWER_MS, `no address after ${String(ANSWER_MS)} ms`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const leasedMs = performance.now();
    const earlier = board.report().log.findLastIndex(({ what }) => what === 'power');
    const gotFile = (): boolean =>
      board
        .report()
        .log.slice(earlier)
        .some(({ what, octets }) => what === 'tftp' && octets !== undefined);
    while (!gotFile()) {
      assert.ok(performance.now() - leasedMs < ANSWER_MS, `no file after ${String(ANSWER_MS)} ms`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await board.reaches(['system'], 20_000);

    assert.equal(lab.farrier.pid(), pid, 'it is still the same process');
    assert.ok(rssMib(pid) - rssBefore < GROWTH_MIB_MAX, `grew by ${String(rssMib(pid) - rssBefore)} MiB`);
    // Dead transfers hold theirs for some seconds: 1-2-4 s apart, then they are given up.
    const untilMs = performance.now() + 20_000;
    while (descriptors(pid) > descriptorsBefore + 5 && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(descriptors(pid) <= descriptorsBefore + 5, `${String(descriptors(pid))} descriptors are left open`);
  });
});
