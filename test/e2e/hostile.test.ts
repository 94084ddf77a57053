import { strict as assert } from 'node:assert';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endChild, ended, hasEnded } from '../../lab/child-process.ts';
import type { LabHost } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { listOf } from '../support/farrier-process.ts';
import { startStormLab, type StormLab } from '../support/storm.ts';
import { until } from '../support/until.ts';

const ANSWER_MS = 1000;
/** Many retransmissions of a firmware: beyond this a board counts as not served. */
const BOOT_MS = 60_000;
const GROWTH_MIB_MAX = 64;
/** Addresses of the lab's pool. */
const POOL = 512;
const SENDER = fileURLToPath(new URL('../support/hostile-sender.ts', import.meta.url));

const rssMib = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) / 1024;
const descriptors = (pid: number): number => readdirSync(`/proc/${String(pid)}/fd`).length;

describe('a guest that has turned against its network', () => {
  let lab: StormLab;
  let guest: LabHost;
  let sender: ChildProcess | undefined;
  /** Accepted before the attacks begin. */
  let board: VirtualBoard;
  before(async () => {
    lab = await startStormLab('host0', 96);
    board = await lab.board(1, 'uboot-arm64');
    await board.powerOn();
    await board.reaches(['agent'], BOOT_MS);
    await board.powerOff();
    await lab.farrier.api.must('POST', `/api/v1/machines/${board.mac}/accept`, { bundle: 'demo-system-arm64@1' });
    guest = await lab.lan.addHost('host0-guest', { address: '10.96.3.66/22' });
  });
  afterEach(async () => {
    if (sender) await endChild(sender);
  });
  after(async () => {
    await lab.stop();
  });

  /** A second, and what a machine that is busy with other things needs besides: five times its quiet answer. */
  async function answerLimitMs(): Promise<number> {
    const quiet = [];
    for (let nth = 0; nth < 20; nth += 1) quiet.push(await healthMs());
    const boot = await bootMs();
    return ANSWER_MS + 5 * Math.max(...quiet, boot.address, boot.file);
  }

  async function healthMs(): Promise<number> {
    const startMs = performance.now();
    const answer = await fetch(`${lab.farrier.httpUrl}/healthz`);
    assert.equal(answer.status, 204);
    return performance.now() - startMs;
  }

  /** Sends the guest out; what it tells comes into the list. */
  function startAttack(...words: readonly string[]): { readonly child: ChildProcess; readonly told: unknown[] } {
    const child = guest.spawn(process.execPath, ['--import', 'tsx', SENDER, '10.96.0.1', ...words], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    sender = child;
    const told: unknown[] = [];
    child.on('message', (message) => told.push(message));
    return { child, told };
  }

  async function attack(seed: number): Promise<unknown> {
    const { child, told } = startAttack(String(seed));
    await ended(child);
    await until('it has told what it did', () => told.length > 0);
    return told[0];
  }

  /** How long the board takes to its address and to its first file; it is off again afterwards. */
  async function bootMs(): Promise<{ readonly address: number; readonly file: number }> {
    const has = async (is: () => boolean, what: string): Promise<number> => {
      const startMs = performance.now();
      while (!is()) {
        assert.ok(performance.now() - startMs < BOOT_MS, `no ${what} after ${String(BOOT_MS)} ms`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return performance.now() - startMs;
    };
    await board.powerOn();
    const address = await has(() => board.report().address !== undefined, 'address');
    const since = board.report().log.findLastIndex(({ what }) => what === 'power');
    const files = () => board.report().log.slice(since);
    const file = await has(() => files().some(({ what, octets }) => what === 'tftp' && octets !== undefined), 'file');
    await board.reaches(['system'], BOOT_MS);
    await board.powerOff();
    return { address, file };
  }

  it('8 a DECLINE storm of one and a half pools and 10,000 made-up boards: an accepted one goes on booting', async function () {
    this.timeout(400_000);
    const limitMs = await answerLimitMs();
    const { child, told: messages } = startAttack('9', 'pool');
    await until('the attack has begun', () => messages.length > 0 || hasEnded(child), 60_000);
    const during = [];
    while (!hasEnded(child)) during.push(await bootMs());
    await until('it has told what it did', () => messages.length > 1);
    const after = await bootMs();
    const told = messages.at(-1);
    assert.ok(Number(memberOf(told, 'declined')) > POOL / 4, `addresses were declined: ${JSON.stringify(told)}`);
    assert.ok(after.address < limitMs && after.file < limitMs, JSON.stringify({ limitMs, after }));
    // While 10,000 others shout, its first DISCOVER may drown in the kernel's buffer; a later one does not.
    assert.ok(during.length > 0, JSON.stringify({ limitMs, during }));
    const machines = listOf(await lab.farrier.api.must('GET', '/api/v1/machines'), 'machines');
    assert.ok(machines.length < 1010, `${String(machines.length)} machines`);
  });

  it('every kind of hostile packet leaves DHCP, TFTP and HTTP answering within a second', async function () {
    this.timeout(400_000);
    const pid = lab.farrier.pid();
    await attack(7);
    const limitMs = await answerLimitMs();
    const [rssBefore, descriptorsBefore] = [rssMib(pid), descriptors(pid)];
    const asked: Promise<number>[] = [];
    const watch = setInterval(() => asked.push(healthMs()), 100);
    const told = await attack(8).finally(() => {
      clearInterval(watch);
    });
    const slowest = await Promise.all(asked);
    assert.ok(Number(memberOf(told, 'dhcpSent')) > 2500 && Number(memberOf(told, 'tftpSent')) > 2000);
    const http = memberOf(told, 'http');
    assert.ok(
      Array.isArray(http) && http.every((status) => status === 0 || (status >= 300 && status < 500)),
      String(http),
    );
    assert.ok(slowest.length > 0 && Math.max(...slowest) < limitMs, `slowest page: ${String(Math.max(...slowest))} ms`);

    const served = await bootMs();
    assert.ok(served.address < limitMs && served.file < limitMs, JSON.stringify({ limitMs, served }));

    assert.equal(lab.farrier.pid(), pid, 'it is still the same process');
    assert.ok(rssMib(pid) - rssBefore < GROWTH_MIB_MAX, `grew by ${String(rssMib(pid) - rssBefore)} MiB`);
    // Dead transfers hold theirs for some seconds: 1-2-4 s apart, then they are given up.
    const areClosed = (): boolean => descriptors(pid) <= descriptorsBefore + 5;
    await until('descriptors are closed', areClosed, 60_000, () => `${String(descriptors(pid))} are open`);
  });
});
