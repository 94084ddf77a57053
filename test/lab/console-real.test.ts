import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { launchBrowser } from '../support/browser.ts';
import { startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleMachine } from '../support/samples.ts';
import { until } from '../support/until.ts';

const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url));
const [BRIDGE, OURS] = ['conbr0', '10.93.0.1'];
const CONSOLE = '/api/v1/machines/mustang-03/console';
const SOON_MS = 60_000;
/** Every octet there is, many times over; then the terminal is cleared and the board speaks plainly. */
const NOISE = Buffer.from(Array.from({ length: 60_000 }, (_, n) => (n * 31 + (n >> 8)) % 256));
const SAID = Buffer.concat([NOISE, Buffer.from('\x18\x1bc\x0fmustang-03 login: ')]);

/** The board's serial port, as a console server offers it. */
interface Port {
  readonly server: Server;
  readonly typed: () => string;
  say(octets: Buffer): void;
}

async function openPort(): Promise<Port> {
  let typed = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (piece) => (typed += piece.toString('latin1')));
    socket.write(SAID);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server,
    typed: () => typed,
    say: (octets) => {
      sockets.forEach((socket) => socket.write(octets));
    },
  };
}

describe('one console for the page, the command line and the API', function () {
  this.timeout(300_000);
  let folder: string;
  let lan: Lan;
  let board: Port;
  let farrier: FarrierProcess;
  let browser: Browser;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-console-'));
    const dataDir = join(folder, 'data');
    const store = await openStore({ file: join(dataDir, 'farrier.db'), clock: realClock, log: createQuietLog() });
    await store.machines.add(sampleMachine(3, { name: 'mustang-03' }), []);
    await store.close();
    lan = await layLan(BRIDGE, `${OURS}/24`);
    board = await openPort();
    const networks = [
      { name: 'rack1', interface: BRIDGE, subnet: '10.93.0.0/24', address: OURS, dhcp: 'off' as const },
    ];
    farrier = await startFarrier({ networks, dataDir });
    const address = board.server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await farrier.api.must('PUT', CONSOLE, { transport: 'tcp', parameters: { host: '127.0.0.1', port } });
    for (const [name, role] of [
      ['alice', 'operator'],
      ['vera', 'viewer'],
    ])
      await farrier.api.must('POST', '/api/v1/users', { name, role, password: 'a good password' });
    await recordedTo(SAID.length);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser.close();
    await farrier.stop();
    board.server.close();
    await lan.remove();
    rmSync(folder, { recursive: true });
  });

  const recordedTo = async (octets: number): Promise<void> => {
    await untilApi(farrier.api, CONSOLE, (body) => memberOf(memberOf(body, 'recorded'), 'to') === octets, SOON_MS);
  };
  const logIn = async (name: string, path: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${farrier.httpUrl}${path}`);
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill('a good password');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**${path}`);
    return page;
  };
  const farrierCli = (...args: readonly string[]): ReturnType<typeof spawn> =>
    spawn(process.execPath, ['--import', 'tsx', MAIN, '--socket', join(folder, 'data', 'farrier.sock'), ...args]);

  it('the page shows it, its download is the record to the octet, and keys arrive once taken', async () => {
    const page = await logIn('alice', '/machines/mustang-03/console');
    await page.locator('.xterm-rows', { hasText: 'mustang-03 login:' }).waitFor({ timeout: SOON_MS });
    await page.locator('#console-state', { hasText: 'live' }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Raw' }).click(),
    ]);
    assert.deepEqual(readFileSync(await download.path()), SAID);
    await page.locator('#screen').click();
    await page.keyboard.type('stray');
    await page.getByRole('button', { name: 'Take the keyboard' }).click();
    await page.getByText('You have the keyboard').waitFor();
    await page.keyboard.type('root\n');
    board.say(Buffer.from('root\r\n# '));
    await page.locator('.xterm-rows', { hasText: 'login: root' }).waitFor({ timeout: SOON_MS });
    await recordedTo(SAID.length + 8);
    await until(
      'only what was typed with the keyboard arrives',
      () => board.typed() === 'root\r',
      SOON_MS,
      () => board.typed(),
    );
    await page.locator('.back').click();
    await page.locator('#console-said', { hasText: 'mustang-03 login: root' }).waitFor({ timeout: SOON_MS });
  });

  it('the command line has the same octets, recorded and live', async () => {
    const all = Buffer.concat([SAID, Buffer.from('root\r\n# '), Buffer.from('more\r\n')]);
    const child = farrierCli('console', 'mustang-03', '--from', '0', '--readonly');
    let got = Buffer.alloc(0);
    let told = '';
    child.stderr?.on('data', (piece: Buffer) => (told += piece.toString()));
    const gets = (octets: number): Promise<void> =>
      until(
        `${String(octets)} octets`,
        () => got.length >= octets,
        SOON_MS,
        () => `${String(got.length)} ${told}`,
      );
    child.stdout?.on('data', (piece: Buffer) => (got = Buffer.concat([got, piece])));
    await gets(all.length - 6);
    board.say(Buffer.from('more\r\n'));
    await gets(all.length);
    await endChild(child, { by: 'SIGTERM' });
    assert.deepEqual(got, all);
    assert.match(told, /\[mustang-03: live; /);
    const file = join(folder, 'console.raw');
    const download = farrierCli('console', 'mustang-03', '--download', file);
    const said = await saidBy(download).over(SOON_MS);
    assert.equal(download.exitCode, 0, said);
    assert.deepEqual(readFileSync(file), all);
  });

  it('who may not read consoles sees no link to it and no octet of it', async () => {
    const page = await logIn('vera', '/machines/mustang-03');
    assert.equal(await page.getByRole('link', { name: 'Console' }).count(), 0);
    assert.equal(await page.locator('#console-said').count(), 0);
    const answer = await page.goto(`${farrier.httpUrl}/machines/mustang-03/console`);
    assert.equal(answer?.status(), 403);
    const log = await page.evaluate<number>(`fetch('${CONSOLE}/log?as=raw').then((answer) => answer.status)`);
    assert.equal(log, 403);
  });
});
