import { strict as assert } from 'node:assert';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser, watchedPage } from '../support/browser.ts';
import { faintTexts } from '../support/contrast.ts';
import { closeLabs, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleEvent } from '../support/samples.ts';
import { fillRack } from '../support/web-fixture.ts';
import { fillStories } from '../support/web-stories.ts';

const SOON_MS = 30_000;
const DESK = { viewport: { width: 1360, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 } };
const WALL = { viewport: { width: 2200, height: 1200 } };

describe('the wall, bulk power and the console line in a real browser', function () {
  this.timeout(180_000);
  let browser: Browser;
  let lab: HttpLab;
  let base = '';
  const faults: string[] = [];

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  beforeEach(async () => {
    faults.length = 0;
    lab = layHttpLab(() => ({ powerPollS: 60 }));
    await fillRack(lab.store, Date.now());
    base = await lab.listen('demo-loopback');
  });
  afterEach(async function () {
    for (const context of browser.contexts()) await context.close();
    await closeLabs();
    if (this.currentTest?.state === 'passed') assert.deepEqual(faults, [], 'the browser has nothing to complain of');
  });

  const open = async (path: string, options: BrowserContextOptions = DESK): Promise<Page> => {
    const page = await watchedPage(browser, options, faults);
    await page.goto(base + path);
    await page.locator('[data-live-state="live"]').waitFor();
    return page;
  };
  const change = async (name: string, wish: object): Promise<void> => {
    const machine = await lab.store.machines.byName(name);
    await lab.store.machines.change(machine!, wish, [sampleEvent('changed', { kind: 'power', machine: machine!.id })]);
  };

  it('hangs racks on the wall, a light for each machine, and keeps them in step', async () => {
    const page = await open('/rack');
    assert.deepEqual(await page.locator('.wall-rack h2').allInnerTexts(), ['r1', 'r2']);
    const plate = (name: string): ReturnType<Page['locator']> => page.locator('.plate', { hasText: name });
    assert.equal(await plate('mustang-01').getAttribute('data-led'), 'on');
    assert.equal(await plate('mustang-04-stuck').getAttribute('data-led'), 'unknown');
    assert.equal(await plate('xeon-1').getAttribute('data-led'), 'moving');
    assert.equal(await plate('xeon-3').getAttribute('data-led'), 'failed');
    assert.match(await plate('xeon-3').innerText(), /212 bad sectors/);
    await page.evaluate(() => Object.assign(globalThis, { stayed: true }));
    await change('mustang-01', { powerSeen: { state: 'off', atMs: Date.now(), because: undefined } });
    await page.locator('.plate[data-led="off"]', { hasText: 'mustang-01' }).waitFor({ timeout: SOON_MS });
    await change('old-atom', { rack: 'r3', slot: '1' });
    await page.locator('.wall-rack', { hasText: 'old-atom' }).waitFor({ timeout: SOON_MS });
    await change('old-atom', { rack: undefined, slot: undefined });
    await page.locator('#wall-tray', { hasText: 'old-atom' }).waitFor({ timeout: SOON_MS });
    assert.equal(await page.locator('.wall-rack').count(), 2, 'an empty rack goes');
    assert.equal(await page.evaluate(() => 'stayed' in globalThis), true);
  });

  it('a light differs in its shape, not only in its colour', async () => {
    const page = await open('/rack');
    const shapes = await page.evaluate<readonly string[]>(
      `[...document.querySelectorAll('#wall-counts .led')].map((led) => led.innerHTML.replace(/class="[^"]*"/g, ''))`,
    );
    assert.equal(shapes.length, 5);
    assert.equal(new Set(shapes).size, 5);
  });

  it('a machine gets its rack and slot on its page', async () => {
    const page = await open('/machines/old-atom');
    await page.getByLabel('Rack', { exact: true }).fill('r2');
    await page.getByLabel('Slot').fill('4');
    await page.getByRole('button', { name: 'Save' }).first().click();
    await page.getByText('xeon-2 sits in slot 4 of r2 already').waitFor();
    await page.getByLabel('Slot').fill('1');
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Save' }).first().click()]);
    const machine = await lab.store.machines.byName('old-atom');
    assert.deepEqual([machine?.rack, machine?.slot], ['r2', '1']);
  });

  it('marks what was seen long ago', async () => {
    const page = await open('/');
    const row = (name: string): ReturnType<Page['locator']> =>
      page.locator('.machine', { has: page.getByRole('link', { name, exact: true }) }).locator('.seen');
    assert.match(await row('mustang-01').innerText(), /^· \d+ s ago$/);
    assert.match(await row('mustang-03').innerText(), /^· \d+ min ago, old$/);
  });

  it('switches many with one order after one question, which names those in use', async () => {
    const page = await open('/');
    for (const name of ['mustang-01', 'mustang-02', 'mustang-03']) await page.getByLabel(`Choose ${name}`).check();
    const bar = page.getByRole('region', { name: 'Power of the chosen machines' });
    await bar.getByText('3 machines chosen').waitFor();
    await change('mustang-01', { bundle: undefined });
    await bar.getByRole('button', { name: 'Off' }).click();
    const question = page.getByRole('dialog');
    assert.match(
      await question.innerText(),
      /Switch off 3 machines\?[^]*In use: mustang-02 \(deployed\)[^]*mustang-01, mustang-02, mustang-03/,
    );
    await question.getByRole('button', { name: 'Leave them' }).click();
    await bar.getByLabel('One every').fill('0.2');
    await bar.getByRole('button', { name: 'Off' }).click();
    const [sent] = await Promise.all([
      page.waitForRequest('**/api/v1/power/orders'),
      question.getByRole('button', { name: 'Do it' }).click(),
    ]);
    const body: unknown = sent.postDataJSON();
    assert.deepEqual(body, { machines: ['m-sample0003', 'm-sample0004', 'm-sample0005'], verb: 'off', staggerMs: 200 });
    for (const n of [3, 4, 5])
      await page.locator(`#row-m-sample000${n} [data-power=off]`).waitFor({ timeout: SOON_MS });
    await bar.waitFor({ state: 'hidden' });
  });

  it('orders all the same only when that is ticked, anew each time', async () => {
    const page = await open('/');
    // The answer is ours, so that no row is drawn anew while its box is ticked.
    await page.route('**/api/v1/power/orders', (route) =>
      route.fulfill({ json: { orders: [{ machine: 'm-sample0003', is: 'ordered', afterMs: 0 }] } }),
    );
    const sent = async (isForced: boolean): Promise<unknown> => {
      await page.getByLabel('Choose mustang-01').check();
      await page.locator('[data-bulk=on]').click();
      assert.equal(await page.getByLabel('All the same').isChecked(), false);
      if (isForced) await page.getByLabel('All the same').check();
      const [request] = await Promise.all([
        page.waitForRequest('**/api/v1/power/orders'),
        page.getByRole('button', { name: 'Do it' }).click(),
      ]);
      // The answer takes the choice back.
      await page.locator('#bulk').waitFor({ state: 'hidden' });
      return request.postDataJSON();
    };
    const order = { machines: ['m-sample0003'], verb: 'on', staggerMs: 500 };
    assert.deepEqual(await sent(true), { ...order, force: true });
    assert.deepEqual(await sent(false), order);
  });

  it('says of each machine that was refused why, and keeps it chosen', async () => {
    const page = await open('/');
    await page.getByLabel('Choose mustang-01').check();
    await page.getByLabel('Choose mustang-03').check();
    await change('mustang-03', { power: undefined });
    await page.getByLabel('Choose mustang-03').waitFor({ state: 'detached' });
    const order = async (): Promise<void> => {
      await page.locator('[data-bulk=on]').click();
      await page.getByRole('button', { name: 'Do it' }).click();
    };
    await page.route('**/api/v1/power/orders', (route) =>
      route.fulfill({
        json: {
          orders: [
            { machine: 'm-sample0003', is: 'ordered', afterMs: 0 },
            { machine: 'm-sample0004', is: 'refused', because: 'its budget of power cycles is used up' },
          ],
        },
      }),
    );
    await page.getByLabel('Choose mustang-02').check();
    await order();
    await page.getByText('1 refused, still chosen').waitFor();
    await page.locator('#row-m-sample0004').getByText('its budget of power cycles is used up').waitFor();
    assert.equal(await page.getByLabel('Choose mustang-02').isChecked(), true);
    assert.equal(await page.getByLabel('Choose mustang-01').isChecked(), false);
  });

  it('asks a controller what it says of itself, and makes a machine blink', async () => {
    const page = await open('/machines/mustang-01');
    await page.getByText('More').click();
    await page.getByRole('button', { name: 'Ask it' }).click();
    await page.locator('#summary .note', { hasText: 'firmware: 1.2' }).waitFor({ timeout: SOON_MS });
    const [request] = await Promise.all([
      page.waitForRequest('**/power/identify'),
      page.getByRole('button', { name: 'blink' }).click(),
    ]);
    assert.deepEqual(request.postDataJSON(), { forS: 60 });
  });

  it('an outlet is said to be shared in the form, and taken back there', async () => {
    const page = await open('/machines/beagle-1');
    const form = page.locator('form', { has: page.locator('#driver') });
    for (const isShared of [true, false]) {
      if (!(await form.isVisible())) await page.locator('#power-title').click();
      await page.locator('#driver').selectOption('pdu-script');
      await form.getByLabel('PDU address').last().fill('10.0.9.60');
      await form.locator('input[name="parameters.outlet"]').fill('3');
      await form.locator('[name=shared]').selectOption(String(isShared));
      await Promise.all([page.waitForEvent('load'), form.getByRole('button', { name: 'Save' }).click()]);
      const { power } = (await lab.store.machines.byName('beagle-1'))!;
      assert.deepEqual([power?.driver, power?.shared === true], ['pdu-script', isShared]);
    }
  });

  it('sets the console line from the form its declaration makes, and shows what it says', async () => {
    const page = await open('/machines/mustang-03');
    await page.getByText('Console line').click();
    await page.locator('#transport').selectOption('pretend');
    const form = page.locator('form', { has: page.locator('#transport') });
    await form.locator('fieldset[data-of="pretend"]').getByLabel('Host').fill('10.0.9.50');
    await Promise.all([page.waitForEvent('load'), form.getByRole('button', { name: 'Save' }).click()]);
    const machine = await lab.store.machines.byName('mustang-03');
    const setting = await lab.store.consoles.ofMachine(machine!.id);
    assert.equal(setting?.transport, 'pretend');
    assert.equal(setting.parameters['host'], '10.0.9.50');
    await page.locator('#console-said', { hasText: 'It has said nothing yet.' }).waitFor({ timeout: SOON_MS });
    lab.board.say('\x1b[1mU-Boot\x1b[0m 2016.09\r\n=> ');
    await page.locator('#console-said', { hasText: 'U-Boot 2016.09 =>' }).waitFor({ timeout: SOON_MS });
  });

  const looks: readonly (readonly [string, string, BrowserContextOptions])[] = [
    ['wall-desk', '/rack', { ...DESK, colorScheme: 'light' }],
    ['wall-dark', '/rack', { ...WALL, colorScheme: 'dark' }],
    ['wall-phone', '/rack', { ...PHONE, colorScheme: 'dark' }],
    ['bulk', '/', { ...DESK, colorScheme: 'light' }],
    ['bulk-phone', '/', { ...PHONE, colorScheme: 'dark' }],
    ['console-line', '/machines/mustang-03', { ...PHONE, colorScheme: 'light' }],
  ];
  for (const [name, path, options] of looks)
    it(`fits and keeps its contrast: ${name}`, async () => {
      await fillStories(lab.store, await lab.store.machines.list(), Date.now());
      // A colour that fades in is none to judge by.
      const page = await open(path, { ...options, reducedMotion: 'reduce' });
      if (path === '/') await page.getByLabel('Choose mustang-01').check();
      await page.evaluate('document.querySelectorAll("details:not(.more)").forEach((each) => { each.open = true; })');
      const width = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      assert.ok(Number(width) <= 0, `${String(width)} px too wide`);
      assert.deepEqual(await faintTexts(page), []);
      if (process.env['SHOTS'] !== undefined) await page.screenshot({ path: `${process.env['SHOTS']}/${name}.png` });
    });
});
