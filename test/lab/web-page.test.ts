import { strict as assert } from 'node:assert';
import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser, watchedPage } from '../support/browser.ts';
import { faintTexts } from '../support/contrast.ts';
import { closeLabs, COOKIES, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { HOSTILE, hostilePages, layHostileLab } from '../support/hostile.ts';
import { mac, sampleEvent, sampleMachine } from '../support/samples.ts';
import type { NewEvent } from '../../server/core/event.ts';
import { bootEvents, fillRack } from '../support/web-fixture.ts';
import { fillStories } from '../support/web-stories.ts';

/** A file is shown by its path, everything else by its sentence. */
const shown = ({ text, detail }: NewEvent): string => (typeof detail['path'] === 'string' ? detail['path'] : text);

/** What comes by itself may take so long where processors are slow and busy; that it is told at once is proven elsewhere. */
const SOON_MS = 20_000;
/** What scrolls sideways and cannot be reached with the keyboard (WCAG 2.1 §2.1.1). */
const OUT_OF_REACH = `[...document.querySelectorAll('main *')]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(each).overflowX))
  .filter((each) => each.tabIndex < 0 && !each.querySelector('a, button, input, select'))
  .map((each) => each.outerHTML.slice(0, 80))`;
const PHONE = { viewport: { width: 390, height: 844 } };
const DESK = { viewport: { width: 1360, height: 900 } };
const WALL = { viewport: { width: 2200, height: 1200 } };

describe('the web page in a real browser', function () {
  this.timeout(180_000);
  let browser: Browser;
  let lab: HttpLab;
  let base = '';
  const faults: string[] = [];
  /** Orders of power are carried out when this has come. */
  let switched: Promise<void>;
  const shots = mkdtempSync(join(tmpdir(), 'farrier-pages-'));

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  beforeEach(async () => {
    faults.length = 0;
    switched = Promise.resolve();
    lab = layHttpLab(undefined, { powerSwitched: () => switched });
    await fillRack(lab.store, Date.now());
    base = await lab.listen('demo-loopback');
  });
  afterEach(async function () {
    for (const context of browser.contexts()) await context.close();
    await closeLabs();
    if (this.currentTest?.state === 'passed') assert.deepEqual(faults, [], 'the browser has nothing to complain of');
  });

  const open = async (path: string, options: BrowserContextOptions = DESK, at = base): Promise<Page> => {
    const page = await watchedPage(browser, options, faults);
    await page.goto(at + path);
    if (path === '/' || path.startsWith('/machines/')) await page.locator('[data-live-state="live"]').waitFor();
    return page;
  };
  /** A page for which no time passes: what it asks once more it asks until it is answered, however slow the machine. */
  const openStill = async (path: string): Promise<Page> => {
    const page = await watchedPage(browser, DESK, faults);
    await page.clock.install();
    await page.goto(base + path);
    if (path !== '/users') await page.locator('[data-live-state="live"]').waitFor();
    await page.clock.pauseAt(Date.now() + 3_600_000);
    return page;
  };
  /** Orders of power are under way until the answer is called. */
  const holdPower = (): (() => void) => {
    let release = (): void => undefined;
    switched = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      release();
    };
  };
  const met = async (name: string, last: string): Promise<void> => {
    const machine = sampleMachine(99, {
      name,
      state: 'new',
      macs: [mac(`52:54:00:77:00:${last}`)],
      createdMs: Date.now(),
    });
    const event = sampleEvent('DISCOVER, answered with OFFER', { kind: 'dhcp', machine: machine.id, atMs: Date.now() });
    await lab.store.machines.add(machine, [event]);
  };

  it('shows the rack, and a new machine without a reload', async () => {
    const page = await open('/');
    assert.equal(await page.locator('.machine').count(), 10);
    assert.equal(await page.locator('.candidate').count(), 2);
    await page.evaluate(() => Object.assign(globalThis, { stayed: true }));
    await met('fresh-board', '01');
    await page.locator('.candidate', { hasText: 'fresh-board' }).waitFor({ timeout: SOON_MS });
    assert.match(await page.locator('.candidate').first().innerText(), /fresh-board/, 'the newest stands first');
    assert.equal(await page.evaluate(() => 'stayed' in globalThis), true);
    assert.match(await page.locator('#counts').innerText(), /13\s+machines/);
  });

  it('accepts a machine by keyboard alone: search, jump, name it, Enter', async () => {
    const page = await open('/');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate('document.activeElement.id'), 'filter');
    await page.keyboard.press('Escape');
    await page.keyboard.press('n');
    assert.equal(await page.evaluate('document.activeElement.name'), 'name');
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('north-7');
    await page.keyboard.press('Enter');
    await page.locator('.machine', { hasText: 'north-7' }).waitFor({ timeout: SOON_MS });
    assert.equal((await lab.store.machines.byName('north-7'))?.state, 'ready');
    // The row comes and the card goes in two patches: the focus is where it stays once both are in.
    await page.waitForFunction(
      'document.querySelectorAll(".candidate").length === 1 && document.activeElement.closest(".candidate, .machine")',
      undefined,
      { timeout: SOON_MS },
    );
  });

  it('sets a parameter for the next boot and takes it away again, live', async () => {
    const page = await open('/machines/mustang-03');
    const panel = page.locator('#parameters');
    await panel.getByText(/^Set one/).click();
    await panel.getByText('kernel.root', { exact: true }).click();
    const form = panel.locator('form[data-api$="kernel.root"]');
    await form.locator('[name=value]').fill('LABEL=two words');
    await form.locator('[name=once]').selectOption({ label: 'the next boot only' });
    await form.locator('button').click();
    const line = panel.locator('.parameters li', { hasText: 'kernel.root' });
    await line.waitFor({ timeout: SOON_MS });
    assert.match(await line.innerText(), /LABEL=two words[^]*next boot only/);
    const word = page.locator('#next-boot .word[data-origin="once"]');
    await word.waitFor({ timeout: SOON_MS });
    assert.equal(await word.innerText(), 'root="LABEL=two words"');
    await line.locator('button').click();
    await line.waitFor({ state: 'detached', timeout: SOON_MS });
  });

  it('what is half typed for one parameter stays there, and in no other, when another is set', async () => {
    const page = await open('/machines/mustang-03');
    const panel = page.locator('#parameters');
    const value = (name: string) => panel.locator(`form[data-api$="${name}"] [name=value]`);
    await panel.getByText(/^Set one/).click();
    for (const name of ['ssh.authorized-keys', 'kernel.root']) {
      await panel.getByText(name, { exact: true }).click();
      await value(name).fill(`half of ${name}`);
    }
    await page.evaluate('document.getElementById("parameters").setAttribute("data-old", "")');
    const machine = await lab.store.machines.byName('mustang-03');
    await lab.deps.parameters.set({ scope: 'machine', subject: machine!.id }, 'kernel.loglevel', 7, 'bob');
    await page.locator('#parameters:not([data-old])').waitFor({ timeout: SOON_MS });
    assert.equal(await value('kernel.root').inputValue(), 'half of kernel.root');
    assert.equal(await value('ssh.authorized-keys').inputValue(), 'half of ssh.authorized-keys');
    assert.equal(
      await page.evaluate('document.activeElement.closest("form").dataset.api.endsWith("kernel.root")'),
      true,
    );
  });

  it('says beside the field what a parameter cannot be', async () => {
    const page = await open('/machines/mustang-03');
    const panel = page.locator('#parameters');
    await panel.getByText(/^Set one/).click();
    await panel.getByText('agent.idle-minutes', { exact: true }).click();
    const form = panel.locator('form[data-api$="agent.idle-minutes"]');
    await form.locator('[name=value]').fill('soon');
    await form.locator('button').click();
    await form.locator('.note', { hasText: 'no whole number of minutes' }).waitFor({ timeout: SOON_MS });
  });

  it('what somebody is typing survives what happens meanwhile', async () => {
    const page = await open('/');
    const input = page.locator('.candidate', { hasText: 'arm64-0a3f' }).locator('input[name=name]');
    await input.fill('half-a-na');
    const machine = await lab.store.machines.byName('arm64-0a3f');
    await lab.store.events.append([sampleEvent('initrd.gz served', { kind: 'tftp', machine: machine!.id })]);
    await page.locator('.candidate', { hasText: 'initrd.gz served' }).waitFor({ timeout: SOON_MS });
    assert.equal(await page.locator('#new-m-sample0001 input[name=name]').inputValue(), 'half-a-na');
    assert.equal(await page.evaluate('document.activeElement.name'), 'name');
    await page.keyboard.type('me');
    assert.equal(await page.locator('#new-m-sample0001 input[name=name]').inputValue(), 'half-a-name');
  });

  it('a refused name is said beside the field, and the field gets the focus', async () => {
    const page = await open('/machines/mustang-03');
    await page.locator('input[name=name]').fill('mustang 03!');
    await page.getByRole('button', { name: 'Save' }).first().click();
    await page.getByText('cannot be a machine name').waitFor();
    assert.equal(await page.locator('[data-note=power-form]').textContent(), '', 'the other form says nothing');
    assert.equal(await page.evaluate('document.activeElement.name'), 'name');
  });

  it('switches power: pending at once, then what was seen; a failure says why in its row', async () => {
    const page = await open('/');
    const row = page.locator('#row-m-sample0003');
    const off = holdPower();
    await row.getByRole('button', { name: 'Switch mustang-01 off' }).press('Enter');
    await row.getByText('switching off …').first().waitFor();
    off();
    await row.locator('[data-power=off]').waitFor({ timeout: SOON_MS });
    const stuck = page.locator('#row-m-sample0006');
    const failed = holdPower();
    await stuck.getByRole('button', { name: 'Switch mustang-04-stuck on' }).press('Space');
    await stuck.getByText('switching on …').first().waitFor();
    await stuck.locator('[data-busy]').waitFor({ timeout: SOON_MS });
    failed();
    await stuck.locator('[data-power=unknown]:not([data-busy])').waitFor({ timeout: SOON_MS });
    await stuck.locator('.reason', { hasText: 'did not answer within 5 s' }).first().waitFor({ timeout: SOON_MS });
    // What the row says already is not said twice.
    await stuck.locator('.note').waitFor({ state: 'hidden' });
  });

  it('a press and its release meet the same button, whatever comes in between', async () => {
    const page = await open('/');
    await page.getByRole('button', { name: 'Switch mustang-01 off' }).hover();
    await page.mouse.down();
    // A second look at the stream tells when the page, which looked first, has been told too.
    await page.evaluate(`new Promise((begun) => {
      window.told = new Promise((told) => {
        const stream = new EventSource(document.body.dataset.stream);
        stream.addEventListener('patch', ({ data }) => { JSON.parse(data).full ? begun() : told(); });
      });
    })`);
    const machine = await lab.store.machines.byName('mustang-01');
    await lab.store.events.append([sampleEvent('linux served', { kind: 'tftp', machine: machine!.id })]);
    await page.evaluate('window.told');
    await page.mouse.up();
    const row = page.locator('#row-m-sample0003');
    await row.locator('[data-power=off]').waitFor({ timeout: SOON_MS });
    assert.match(await row.innerText(), /linux served|was seen off/);
  });

  it('what is refused for its consequences is asked once more, and then done all the same', async () => {
    const power = { driver: 'manual', parameters: {} };
    await lab.store.machines.add(sampleMachine(77, { name: 'unbootable-1', power }), []);
    const page = await openStill('/');
    const row = page.locator('#row-m-sample0077');
    const on = row.getByRole('button', { name: 'Switch unbootable-1 on' });
    await on.click();
    await row.locator('.note', { hasText: 'its DTB is not there' }).waitFor({ timeout: SOON_MS });
    assert.equal(await on.innerText(), 'All the same?');
    assert.equal(await row.locator('[data-power=on]').count(), 0);
    await on.click();
    await row.locator('[data-power=on]').waitFor({ timeout: SOON_MS });
  });

  it('asks once more before it takes the power from a machine in use', async () => {
    const page = await openStill('/');
    const off = page.locator('#row-m-sample0004').getByRole('button', { name: 'Switch mustang-02 off' });
    await off.click();
    assert.equal(await off.innerText(), 'Off, sure?');
    assert.equal(await page.locator('#row-m-sample0004 [data-power=on]').count(), 1);
    await off.click();
    await page.locator('#row-m-sample0004 [data-power=off]').waitFor({ timeout: SOON_MS });
  });

  it('search and state chips hide what does not fit, and give it back', async () => {
    const page = await open('/');
    await page.locator('#filter').fill('xeon dep');
    assert.equal(await page.locator('.machine:visible').count(), 1);
    await page.locator('#filter').fill('nothing like it');
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.locator('[data-state-filter=broken]').click();
    assert.deepEqual(await page.locator('.machine:visible [data-row-link]').allInnerTexts(), ['xeon-3']);
    await page.locator('[data-state-filter=broken]').click();
    assert.equal(await page.locator('.machine:visible').count(), 10);
  });

  it('shows why a board was recognised when the word has the focus', async () => {
    const page = await open('/');
    const hint = page.locator('#row-m-sample0005 .hint');
    await hint.focus();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    await page.locator('#evidence-m-sample0005').waitFor({ state: 'visible' });
    assert.match(await page.locator('#evidence-m-sample0005').innerText(), /option 93 is 22/);
  });

  it('the timeline grows as the boot happens', async () => {
    const page = await open('/machines/mustang-01');
    const machine = await lab.store.machines.byName('mustang-01');
    const startedMs = Date.now();
    await lab.store.boots.add({
      id: 'b-live',
      machine: machine!.id,
      startedMs,
      tokenHash: undefined,
      plan: 'boots agent@1 as apm-mustang',
    });
    for (const event of bootEvents(machine!.id, 'b-live', startedMs)) {
      await lab.store.events.append([event]);
      await page
        .locator('#boot-b-live .line', { hasText: shown(event) })
        .first()
        .waitFor({ timeout: SOON_MS });
    }
    assert.equal(await page.locator('#boot-b-live .line').count(), 10);
    assert.match(await page.locator('#boot-b-live .boot-sum').innerText(), /66\.5 MiB served/);
  });

  it('keeps rare acts in a menu: a reset, and a forced state after one more question', async () => {
    const page = await openStill('/machines/mustang-01');
    const menu = page.locator('details.more');
    const reset = holdPower();
    await menu.locator('summary').press('Enter');
    await page.getByRole('button', { name: 'Reset' }).click();
    await page.locator('#summary').getByText('resetting …').first().waitFor();
    await page.locator('#summary [data-busy]').waitFor({ timeout: SOON_MS });
    await menu.getByLabel('State').selectOption('broken');
    await menu.getByLabel('Because').fill('its fan died');
    reset();
    await page.locator('#summary [data-power=on]:not([data-busy])').waitFor({ timeout: SOON_MS });
    assert.equal(await menu.getByLabel('Because').inputValue(), 'its fan died', 'a redraw keeps what was typed');
    const force = menu.locator('[data-key=force]');
    await force.click();
    assert.equal(await force.innerText(), 'Force, sure?');
    await page.locator('#summary').evaluate('(summary) => summary.setAttribute("data-old", "")');
    const seen = await lab.store.machines.byName('mustang-01');
    await lab.store.machines.change(seen!, { powerSeen: { state: 'off', atMs: Date.now(), because: undefined } }, [
      sampleEvent('power seen off', { kind: 'power', machine: seen!.id }),
    ]);
    await page.locator('#summary:not([data-old]) [data-power=off]').waitFor({ timeout: SOON_MS });
    assert.equal(await force.innerText(), 'Force, sure?', 'a redraw does not take the first click back');
    assert.equal((await lab.store.machines.byName('mustang-01'))?.state, 'ready');
    await Promise.all([page.waitForEvent('load'), force.click()]);
    assert.equal((await lab.store.machines.byName('mustang-01'))?.state, 'broken');
  });

  it('folds the menu when one looks elsewhere, and on Escape', async () => {
    const page = await open('/machines/mustang-01');
    const menu = page.locator('details.more');
    for (const leave of [() => page.keyboard.press('Escape'), () => page.locator('h1').click()]) {
      await menu.locator('summary').click();
      await menu.getByLabel('Because').waitFor();
      await leave();
      await page.locator('details.more:not([open])').waitFor();
    }
  });

  it('tells in the tab how many machines wait', async () => {
    const page = await open('/');
    assert.equal(await page.title(), '(2) Rack · Farrier');
    await met('fresh-board', '02');
    await page.locator('.candidate', { hasText: 'fresh-board' }).waitFor({ timeout: SOON_MS });
    assert.equal(await page.title(), '(3) Rack · Farrier');
  });

  it('an admin adds a user and takes it away again', async () => {
    const page = await open('/users');
    await page.getByLabel('Name').fill('carol');
    await page.getByLabel('Password').fill('a good password');
    const [added] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'POST'),
      page.getByRole('button', { name: 'Add' }).click(),
    ]);
    const sent: unknown = added.request().postDataJSON();
    assert.deepEqual(sent, { name: 'carol', role: 'operator', password: 'a good password' });
    assert.match(await (await open('/', DESK)).locator('nav').first().innerText(), /Users/);
  });

  it('an admin gives a viewer the right to read consoles, asked once more for it ends its sessions', async () => {
    const page = await openStill('/users');
    const viewer = page.locator('tr', { hasText: 'a-viewer' });
    await viewer.getByLabel('Consoles of a-viewer').selectOption('read');
    await viewer.getByRole('button', { name: 'Save' }).click();
    const [changed] = await Promise.all([
      page.waitForRequest('**/api/v1/users/a-viewer'),
      viewer.getByRole('button', { name: 'Save?' }).click(),
    ]);
    assert.deepEqual([changed.method(), changed.postDataJSON()], ['PATCH', { console: 'read' }]);
  });

  it('sets a power driver from the form its declaration makes', async () => {
    const page = await open('/machines/beagle-1');
    await page.locator('#driver').selectOption('ipmi');
    const form = page.locator('form', { has: page.locator('#driver') });
    await form.getByLabel('BMC address').fill('10.0.9.88');
    await form.getByLabel('User').fill('farrier');
    await form.getByLabel('Password').fill('a canary');
    await Promise.all([page.waitForEvent('load'), form.getByRole('button', { name: 'Save' }).click()]);
    const machine = await lab.store.machines.byName('beagle-1');
    assert.deepEqual(machine?.power, {
      driver: 'ipmi',
      parameters: { host: '10.0.9.88', port: 623, user: 'farrier', cipher: '17' },
    });
    assert.match((await form.getByLabel('Password').getAttribute('placeholder')) ?? '', /^set/);
  });

  it('logs in, comes back to where it wanted to go, and logs out', async () => {
    const tcp = await lab.listen('tcp');
    const page = await open('/leases', DESK, tcp);
    assert.match(page.url(), /\/login\?next=%2Fleases$/);
    await page.getByLabel('Name').fill('alice');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('name or password is wrong').waitFor();
    await page.getByLabel('Password').fill('horseshoe');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${tcp}/leases`);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${tcp}/login`);
  });

  it('says when it has lost the daemon, and has the full set again when that is back', async () => {
    const page = await open('/');
    const { port } = new URL(base);
    await lab.close();
    await page.locator('[data-live-state=lost]').waitFor({ timeout: SOON_MS });
    const second = layHttpLab();
    await second.store.machines.add(sampleMachine(50, { name: 'after-the-restart' }), []);
    await second.listen('demo-loopback', Number(port));
    await page.locator('.machine', { hasText: 'after-the-restart' }).waitFor({ timeout: SOON_MS });
    assert.equal(await page.locator('.machine').count(), 1, 'what is gone is gone');
  });

  it('a page whose session ended goes to the log-in by itself', async () => {
    const tcp = await lab.listen('tcp');
    const context = await browser.newContext(DESK);
    await context.addCookies([{ name: 'farrier_session', value: COOKIES.viewer, url: tcp }]);
    const page = await context.newPage();
    await page.goto(tcp);
    await page.locator('[data-live-state="live"]').waitFor();
    assert.equal(await page.locator('[data-api^="POST"]').count(), 0, 'a viewer has no buttons');
    await lab.deps.users.logout(COOKIES.viewer);
    // The comment line of the stream, at most 15 s away, finds the session gone.
    await page.waitForURL(/\/login/, { timeout: 90_000 });
  });

  for (const text of HOSTILE)
    it(`runs nothing of a hostile text: ${text}`, async () => {
      const hostile = await layHostileLab(text);
      const at = await hostile.listen('demo-loopback');
      const page = await open('/', DESK, at);
      for (const path of hostilePages(text)) {
        await page.goto(at + path);
        const found = await page.evaluate<{ owned?: unknown; handlers: readonly string[] }>(
          '({ owned: window.owned, handlers: [...document.querySelectorAll("*")].flatMap((e) => e.getAttributeNames()).filter((name) => name.startsWith("on")) })',
        );
        assert.deepEqual([found.owned, found.handlers], [undefined, []], path);
      }
    });

  // A colour that fades in is none to judge by.
  const light = { ...DESK, colorScheme: 'light', reducedMotion: 'reduce' } as const;
  const dark = { ...light, colorScheme: 'dark' } as const;
  const phone = { ...light, ...PHONE } as const;
  const phoneDark = { ...dark, ...PHONE } as const;
  const looks: readonly (readonly [string, string, BrowserContextOptions])[] = [
    ['rack-light', '/', light],
    ['rack-dark', '/', dark],
    ['rack-phone', '/', phone],
    ['rack-wall', '/', { ...dark, ...WALL }],
    ['machine-light', '/machines/mustang-03', light],
    ['machine-phone', '/machines/mustang-03', phoneDark],
    ['boot-under-way', '/machines/mustang-01', dark],
    ['boot-silent', '/machines/mustang-02/boots/b-silent', light],
    ['boot-silent-phone', '/machines/mustang-02/boots/b-silent', phoneDark],
    ['boards', '/boards', light],
    ['board', '/boards/apm-mustang', dark],
    ['board-phone', '/boards/apm-mustang', phone],
    ['bundles', '/bundles', dark],
    ['bundle', '/bundles/debian@13?find=nbd', light],
    ['bundle-phone', '/bundles/debian@13', phoneDark],
    ['leases-phone', '/leases', phone],
    ['help', '/help', dark],
    ['help-phone', '/help', phone],
    ['drivers', '/drivers', light],
    ['drivers-phone', '/drivers', phoneDark],
  ];
  for (const [name, path, options] of looks)
    it(`fits and keeps its contrast: ${name}`, async () => {
      await fillStories(lab.store, await lab.store.machines.list(), Date.now());
      const page = await open(path, options);
      // What is folded is looked at too.
      await page.evaluate('document.querySelectorAll("details:not(.more)").forEach((each) => { each.open = true; })');
      const file = join(shots, `${name}.png`);
      await page.screenshot({ path: file, fullPage: true });
      assert.ok(statSync(file).size > 10_000);
      const width = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      assert.ok(Number(width) <= 0, `${name} is ${String(width)} px too wide`);
      assert.deepEqual(await faintTexts(page), []);
      assert.deepEqual(await page.evaluate(OUT_OF_REACH), []);
    });

  it('the look at contrasts bites', async () => {
    const page = await open('/help', light);
    await page.evaluate('document.querySelector("h1").style.color = "#bbb"');
    assert.deepEqual(
      (await faintTexts(page)).map((each) => each.text),
      ['Help'],
    );
  });

  it('an open boot says why it stopped, where, its last good step and what to try', async () => {
    await fillStories(lab.store, await lab.store.machines.list(), Date.now());
    const page = await open('/machines/mustang-02');
    const verdict = page.locator('#boot-b-silent .verdict');
    assert.match(await verdict.locator('.verdict-text').innerText(), /the kernel stopped before it could/);
    assert.match(
      await verdict.innerText(),
      /What to try: look at its console[^]*Last good step: it fetched its kernel/,
    );
    assert.equal(await verdict.locator('[data-is=stopped] .layer-name').innerText(), 'Kernel');
    assert.match(await page.locator('#boot-b-silent .chart').innerText(), /nothing heard for 4 min/);
    await page.getByRole('link', { name: 'Page of this boot' }).click();
    await page.waitForURL(/\/machines\/mustang-02\/boots\/b-silent$/);
    assert.match(await page.locator('.served').innerText(), /debian@13[^]*root=\/dev\/nfs/);
  });
});
