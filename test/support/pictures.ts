// Draws the pictures of the README: `npm run pictures [ROOT]`, where ROOT is a built Farrier. All come from a running
// demo but `boot`, `wall` and `console`, drawn over records made for the tests: they show what pretended boards do not do.
import { spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { endChild } from '../../lab/child-process.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { launchBrowser } from './browser.ts';
import { closeLabs, layHttpLab } from './http-lab.ts';
import { fillRack } from './web-fixture.ts';
import { fillStories } from './web-stories.ts';

const PORT = 5297;
const BASE = `http://127.0.0.1:${PORT}`;
const OUT = join(import.meta.dirname, '..', '..', 'docs', 'pictures');
const OCTETS_MAX = 250_000;
const DESK = { width: 1280, height: 860 };

type Scheme = 'light' | 'dark';

async function open(
  browser: Browser,
  path: string,
  size: typeof DESK,
  colorScheme: Scheme,
  base = BASE,
): Promise<Page> {
  const page = await (await browser.newContext({ viewport: size, colorScheme })).newPage();
  await page.goto(base + path);
  await page.locator('[data-live-state="live"]').waitFor();
  return page;
}

/** Waits for what arrives with a glow to be as it stays. */
async function still(page: Page): Promise<void> {
  await page.evaluate('document.activeElement?.blur()');
  await pause(2600);
}

async function draw(page: Page, name: string): Promise<void> {
  const path = join(OUT, `${name}.png`);
  await page.screenshot({ path });
  const octets = statSync(path).size;
  if (octets > OCTETS_MAX) throw new Error(`${name}.png has ${octets} octets, more than ${OCTETS_MAX}`);
  console.log(`${path}: ${octets} octets`);
}

/** What a user does first: names and accepts all machines but two. */
async function acceptFour(page: Page): Promise<void> {
  await page.locator('.candidate .facts-short', { hasText: 'CPU' }).nth(5).waitFor({ timeout: 60_000 });
  for (const name of ['north-1', 'north-2', 'south-1', 'south-2']) {
    const card = page.locator('.candidate').last();
    await card.locator('input[name=name]').fill(name);
    await card.getByRole('button', { name: 'Accept' }).click();
    await page.locator('.machine', { hasText: name }).waitFor();
  }
}

/** Gives the UEFI server something to boot and cycles its power, and waits for the verdict over that boot. */
async function bootOne(page: Page): Promise<void> {
  await page.locator('.machine', { hasText: 'qemu-q35-x64-uefi' }).locator('[data-row-link]').click();
  const settings = page.locator('form[data-api^="PATCH"]');
  await settings.locator('select[name=bundle]').selectOption('demo-system-amd64@1');
  await settings.getByRole('button', { name: 'Save' }).click();
  await page.locator('#next-boot', { hasText: 'demo-system-amd64@1' }).waitFor();
  await page.getByRole('button', { name: /^Power-cycle/ }).click();
  await page.locator('#history', { hasText: 'power cycle done' }).waitFor({ timeout: 60_000 });
  await page.locator('.boot[data-v]:first-child .badge', { hasText: 'ended well' }).waitFor({ timeout: 60_000 });
  await page.locator('.boot:first-child .lane[data-kind="kernel"]').waitFor({ timeout: 60_000 });
}

/** The page of a boot that fell silent. */
async function drawSilence(browser: Browser): Promise<void> {
  const lab = layHttpLab();
  const machines = await fillRack(lab.store, Date.now());
  await fillStories(lab.store, machines, Date.now());
  const base = await lab.listen('demo-loopback');
  const path = '/machines/mustang-02/boots/b-silent';
  const page = await open(browser, path, { width: 1280, height: 900 }, 'light', base);
  await still(page);
  await draw(page, 'boot');
  await closeLabs();
}

const LINES = [
  [0, '\r\nU-Boot 2016.09 (Mar 02 2017 - 10:12:01 +0000)\r\n\r\n'],
  [420, 'CPU0: APM ARM 64-bit Potenza Rev B0 2400MHz PCP 2400MHz\r\nDRAM:  ECC 32 GiB @ 1600MHz\r\n'],
  [2100, 'Hit any key to stop autoboot:  0 \r\nWaiting for PHY auto negotiation to complete.. done\r\n'],
  [3900, 'BOOTP broadcast 1\r\nDHCP client bound to address 10.77.0.12 (214 ms)\r\n'],
  [5200, 'Loading: \x1b[32m##################################\x1b[0m\r\n\t 4.9 MiB/s\r\ndone\r\n'],
  [9300, '## Flattened Device Tree blob at 4003000000\r\n\r\nStarting kernel ...\r\n\r\n'],
  [10_100, '[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x500f0000]\r\n'],
  [10_180, '[    0.000000] Linux version 6.1.0-28-arm64 (Debian 6.1.119-1)\r\n'],
  [12_400, '[    2.318714] \x1b[33mxgene-enet 17020000.ethernet eth0: Link is Up - 1Gbps\x1b[0m\r\n'],
  [19_800, '\r\nDebian GNU/Linux 12 mustang-03 ttyS0\r\n\r\n\x1b[1mmustang-03 login:\x1b[0m '],
] as const;

/** The wall and a console, over machines made for the tests. */
async function drawRackAndConsole(browser: Browser): Promise<void> {
  let nowMs = Date.now();
  const clock = { ...realClock, now: () => nowMs };
  const lab = layHttpLab(undefined, { clock });
  const machines = await fillRack(lab.store, nowMs);
  await fillStories(lab.store, machines, nowMs);
  const base = await lab.listen('demo-loopback');
  const wall = await open(browser, '/rack', DESK, 'dark', base);
  await still(wall);
  await draw(wall, 'wall');
  const api = `${base}/api/v1/machines/mustang-03/console`;
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ transport: 'pretend', parameters: { host: '10.0.9.50' } });
  await fetch(api, { method: 'PUT', headers, body });
  const page = await open(browser, '/machines/mustang-03/console', { width: 1280, height: 700 }, 'light', base);
  const startMs = nowMs;
  for (const [atMs, text] of LINES) {
    nowMs = startMs + atMs;
    lab.board.say(text);
    await pause(50);
  }
  await page.getByLabel('Times').check();
  await page.locator('.xterm-rows', { hasText: 'login:' }).waitFor();
  await still(page);
  await draw(page, 'console');
  await closeLabs();
}

async function drawAll(browser: Browser): Promise<void> {
  const rack = await open(browser, '/', DESK, 'light');
  await acceptFour(rack);
  const machine = await open(browser, '/', { width: 1280, height: 1240 }, 'light');
  await bootOne(machine);
  await still(machine);
  await draw(machine, 'machine');
  await still(rack);
  await draw(rack, 'rack');
  const dark = await open(browser, '/', DESK, 'dark');
  await still(dark);
  await draw(dark, 'rack-dark');
  const phone = await open(browser, '/', { width: 390, height: 844 }, 'light');
  await still(phone);
  await draw(phone, 'phone');
}

async function main(root: string): Promise<void> {
  mkdirSync(OUT, { recursive: true });
  const demo = spawn(process.execPath, ['bin/farrier.js', 'demo', '--port', String(PORT)], {
    cwd: root,
    stdio: 'inherit',
  });
  const browser = await launchBrowser();
  try {
    for (let tries = 0; tries < 100 && !(await fetch(`${BASE}/readyz`).catch(() => undefined))?.ok; tries += 1)
      await pause(200);
    await drawSilence(browser);
    await drawRackAndConsole(browser);
    await drawAll(browser);
  } finally {
    await browser.close();
    await endChild(demo, { by: 'SIGINT' });
  }
}

await main(process.argv[2] ?? join(import.meta.dirname, '..', '..'));
