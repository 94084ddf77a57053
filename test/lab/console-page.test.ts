import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { faintTexts } from '../support/contrast.ts';
import { startFakeConsole, type FakeConsole } from '../support/fake-console.ts';
import { closeLabs, layHttpLab } from '../support/http-lab.ts';
import { until } from '../support/until.ts';
import { fillRack } from '../support/web-fixture.ts';

const SOON_MS = 20_000;
const DESK = { viewport: { width: 1360, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 } };
const PATH = '/machines/mustang-03/console';
/** All that the terminal holds, line by line, without the blanks at the ends. */
const TEXT = `[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent.replace(/\\u00a0/g, ' ').trimEnd()).join('\\n').trim()`;

describe('the console page in a real browser', function () {
  this.timeout(180_000);
  let browser: Browser;
  let board: FakeConsole;
  const faults: string[] = [];

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  beforeEach(async () => {
    faults.length = 0;
    const lab = layHttpLab();
    await fillRack(lab.store, Date.now());
    board = await startFakeConsole({ others: lab.app.handlerFor('demo-loopback') });
  });
  afterEach(async function () {
    for (const context of browser.contexts()) await context.close();
    await board.close();
    await closeLabs();
    if (this.currentTest?.state === 'passed') assert.deepEqual(faults, [], 'the browser has nothing to complain of');
  });

  const open = async (options: BrowserContextOptions = DESK): Promise<Page> => {
    const page = await (await browser.newContext(options)).newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      const isOfPolicy = message.text().includes('Content Security Policy');
      if (message.type() === 'error' && (isOfPolicy || !/Failed to load|WebSocket/.test(message.text())))
        faults.push(message.text());
    });
    await page.goto(board.base + PATH);
    await page.locator('#console-state', { hasText: 'live' }).waitFor({ timeout: SOON_MS });
    return page;
  };
  const shows = async (page: Page, words: string): Promise<void> => {
    await page.locator('.xterm-rows', { hasText: words }).waitFor({ timeout: SOON_MS });
  };

  it('shows the record, then what comes, coloured, under the policy of all pages', async () => {
    board.say('U-Boot 2016.09\r\n=> ');
    const page = await open();
    await shows(page, 'U-Boot 2016.09');
    board.say('\x1b[31mred\x1b[0m \x1b[38;2;1;200;3mgreen\x1b[0m\r\n');
    await shows(page, '=> red green');
    const colours = await page.evaluate<readonly string[]>(
      `['red', 'green'].map((word) => getComputedStyle([...document.querySelectorAll('.xterm-rows span')].find((span) => span.textContent === word)).color)`,
    );
    assert.equal(new Set([...colours, 'rgb(232, 229, 223)']).size, 3, colours.join(' '));
    const kept = await page.evaluate<number>(`document.querySelectorAll('style').length`);
    assert.equal(kept, 0, 'no style element slipped in');
  });

  it('a stray key goes nowhere; who takes the keyboard is shown, and types', async () => {
    const page = await open();
    await page.locator('#screen').click();
    await page.keyboard.type('reboot');
    await page.getByText('take the keyboard first').waitFor();
    await page.getByRole('button', { name: 'Take the keyboard' }).click();
    await page.getByText('You have the keyboard').waitFor();
    await page.keyboard.type('ls\n');
    await page.getByRole('button', { name: 'Give it back' }).click();
    await page.getByText('Nobody has the keyboard').waitFor();
    await page.locator('#screen').click();
    await page.keyboard.type('halt');
    board.say('end\r\n');
    await shows(page, 'end');
    assert.equal(board.keys(), 'ls\r');
  });

  it('names who has the keyboard, and takes it over only by that name', async () => {
    const page = await open();
    board.writerIs('bob');
    await page.getByText('bob has the keyboard').waitFor();
    await page.getByRole('button', { name: 'Take the keyboard from bob' }).click();
    await page.getByText('You have the keyboard').waitFor();
    assert.deepEqual(board.asked.at(-1), '{"do":"take","over":true}');
    await page.getByRole('button', { name: 'Send a break' }).click();
    board.say('sysrq\r\n');
    await shows(page, 'sysrq');
    await until('the break arrives', () => board.asked.at(-1) === '{"do":"break"}', SOON_MS);
  });

  it('comes back from the last octet after it was cut off, and misses nothing', async () => {
    board.say('one\r\n');
    const page = await open();
    await shows(page, 'one');
    board.cut(4008);
    board.say('two\r\n');
    await shows(page, 'two');
    assert.deepEqual(
      board.asked.filter((each) => each.startsWith('from')),
      ['from=0', 'from=5'],
    );
    assert.equal(await page.evaluate(TEXT), 'one\ntwo');
  });

  it('says in words what the line is', async () => {
    const page = await open();
    board.line('closed', 'the terminal server hung up');
    await page.getByText('the line is closed: the terminal server hung up').waitFor();
    board.line('none');
    await page.getByText('no console is set').waitFor();
  });

  it('searches, and shows the time of each line when asked', async () => {
    const atMs = Date.parse('2026-11-20T10:00:00.250Z');
    board.say('Starting kernel ...\r\n', atMs);
    for (let n = 0; n < 200; n += 1) board.say(`line ${n}\r\n`, atMs + n * 1000);
    const page = await open();
    await shows(page, 'line 199');
    await page.getByLabel('Search the console').fill('Starting kernel');
    await page.getByRole('button', { name: 'Before' }).click();
    await shows(page, 'Starting kernel');
    await page.getByLabel('Times').check();
    const first = page.locator('#times div:first-child[title="2026-11-20T10:00:00.250Z"]');
    await first.waitFor({ timeout: SOON_MS });
    assert.match(await first.innerText(), /:00\.250$/);
    await page.getByLabel('Search the console').fill('nowhere');
    await page.getByRole('button', { name: 'Before' }).click();
    await page.getByText('is not in the record').waitFor();
  });

  it('downloads every octet unchanged', async () => {
    const octets = Buffer.from(Array.from({ length: 70_000 }, (_, n) => (n * 31) % 256));
    board.say(octets);
    const page = await open();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Raw' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), 'mustang-03-console.raw');
    assert.deepEqual(readFileSync(await download.path()), octets);
  });

  it('replays a boot as fast as one likes, stops, goes back, and returns to live', async () => {
    board.say('one ', 1000);
    board.say('two ', 61_000);
    board.say('three', 121_000);
    const page = await open();
    await shows(page, 'one two three');
    await page.getByLabel('Which part of the record').selectOption({ index: 1 });
    await page.getByRole('button', { name: 'Replay' }).click();
    await page.locator('#at-words', { hasText: 'of 2:00' }).waitFor();
    await until('only the first word', async () => (await page.evaluate(TEXT)) === 'one', SOON_MS);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('#at').fill('60500');
    await shows(page, 'one two');
    await page.getByLabel('Speed').selectOption('32');
    await page.getByRole('button', { name: 'Go on' }).click();
    await shows(page, 'one two three');
    await page.getByRole('button', { name: 'Again' }).waitFor();
    await page.getByRole('button', { name: 'Back to live' }).click();
    board.say(' four');
    await shows(page, 'one two three four');
  });

  for (const [name, options] of [
    ['light', { ...DESK, colorScheme: 'light' }],
    ['dark', { ...DESK, colorScheme: 'dark' }],
    ['phone', { ...PHONE, colorScheme: 'light' }],
  ] as const)
    it(`fits and keeps its contrast: ${name}`, async () => {
      board.say('\x1b[34mblue on night\x1b[0m and a line that is longer than a telephone is wide, to be folded\r\n');
      const page = await open(options);
      await shows(page, 'blue');
      await page.getByLabel('Times').check();
      const width = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      assert.ok(Number(width) <= 0, `${String(width)} px too wide`);
      assert.deepEqual(await faintTexts(page), []);
      if (process.env['SHOTS'] !== undefined)
        await page.screenshot({ path: `${process.env['SHOTS']}/console-${name}.png` });
    });
});
