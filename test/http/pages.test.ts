import { strict as assert } from 'node:assert';
import { safeNext } from '../../server/http/pages/routes.ts';
import { closeLabs, layHttpLab } from '../support/http-lab.ts';
import { HOSTILE, hostilePages, layHostileLab } from '../support/hostile.ts';
import { fillRack } from '../support/web-fixture.ts';

/** What a browser would read as tags, and their attributes: `a@href`. */
function tagsOf(html: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, tag = '', rest = ''] of html.matchAll(/<\s*([a-zA-Z][\w-]*)((?:"[^"]*"|'[^']*'|[^"'>])*)>/g)) {
    found.add(tag.toLowerCase());
    const names = rest.replace(/"[^"]*"|'[^']*'/g, '""').matchAll(/([^\s=/"]+)/g);
    for (const [, name = ''] of names) found.add(`${tag}@${name}`.toLowerCase());
  }
  return found;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#39;',
  '<': '&lt;',
  '>': '&gt;',
  '`': '&#96;',
};
const escaped = (text: string): string => text.replace(/[&"'<>`]/g, (char) => ESCAPES[char] ?? char);

const get = async (base: string, path: string): Promise<string> =>
  (await fetch(base + path, { headers: { Accept: 'text/html' } })).text();

describe('pages and hostile texts', () => {
  const ours: ReadonlySet<string>[] = [];
  afterEach(closeLabs);
  before(async () => {
    const lab = await layHostileLab('harmless');
    const base = await lab.listen('socket');
    for (const path of hostilePages('harmless')) ours.push(tagsOf(await get(base, path)));
    await lab.close();
  });

  for (const text of HOSTILE)
    it(`stays text in every field of every page: ${text}`, async () => {
      const lab = await layHostileLab(text);
      const base = await lab.listen('socket');
      for (const [nth, path] of hostilePages(text).entries()) {
        const page = await fetch(base + path, { headers: { Accept: 'text/html' } });
        const html = await page.text();
        assert.equal(page.status, 200, path);
        assert.ok(html.includes('</html>'), `${path} is drawn to its end`);
        if (path !== '/help') assert.ok(html.includes(escaped(text)), `${path} shows the text`);
        assert.deepEqual(
          [...tagsOf(html)].filter((tag) => !ours[nth]?.has(tag)),
          [],
          `${path} has our tags and attributes only`,
        );
        assert.ok(!/(href|src)="\s*javascript:/i.test(html), `${path} has no script addresses`);
        assert.ok(!html.includes('49${'), `${path} computes nothing`);
      }
      assert.deepEqual(
        lab.log.lines.filter((line) => line.startsWith('error')),
        [],
      );
      await lab.close();
    });

  it('the test bites: a tag or an attribute that slipped through would be seen', () => {
    assert.ok(tagsOf(`<p>${HOSTILE[0]}</p>`).has('img'));
    assert.ok(tagsOf('<a href="x" onclick="y">').has('a@onclick'));
  });

  it('no page has a script or a style of its own: the policy forbids both', async () => {
    const lab = layHttpLab();
    await fillRack(lab.store, 1_700_000_000_000);
    const base = await lab.listen('socket');
    for (const path of ['/', '/machines/mustang-03', '/boards', '/bundles', '/leases', '/drivers', '/help', '/login']) {
      const html = await get(base, path);
      assert.ok(!/<style|\sstyle=|<script(?![^>]*\ssrc=)/.test(html), path);
    }
    await lab.close();
  });
});

describe('pages for readers', () => {
  afterEach(closeLabs);

  it('an empty rack says what to do next', async () => {
    const lab = layHttpLab();
    const base = await lab.listen('socket');
    assert.match(await get(base, '/'), /Power on a board that boots from the network on <b>rack1<\/b>/);
    assert.match(await get(base, '/bundles'), /farrier agent build/);
    assert.match(await get(base, '/leases'), /No address has been given out yet/);
    await lab.close();
  });

  it('the page of drivers names each with its file, and the broken files with their reason', async () => {
    const lab = layHttpLab();
    const page = await get(await lab.listen('socket'), '/drivers');
    assert.match(page, /<b class="mono">ipmi<\/b>.*>Farrier<\/td>/);
    assert.match(page, /<span class="mono">\/etc\/farrier\/power-drivers\/pdu-script<\/span>/);
    assert.match(page, /<dt class="mono">\/etc\/farrier\/power-drivers\/broken<\/dt>.*exit code 3/);
  });

  it('every input has a label, every button a name, every page one h1', async () => {
    const lab = layHttpLab();
    await fillRack(lab.store, 1_700_000_000_000);
    const base = await lab.listen('socket');
    for (const path of [
      '/',
      '/machines/mustang-03',
      '/machines/arm64-0a3f',
      '/boards',
      '/leases',
      '/drivers',
      '/help',
      '/login',
    ]) {
      const html = await get(base, path);
      assert.equal([...html.matchAll(/<h1[\s>]/g)].length, 1, path);
      const fields = [...html.matchAll(/<(input|select)\s/g)].length;
      const labelled = [...html.matchAll(/<label[^>]*>[\s\S]*?<\/label>/g)].filter(([label]) =>
        /<(input|select)\s/.test(label),
      );
      assert.equal(fields, labelled.length, `${path}: every field stands in its label`);
      for (const [, attributes = '', inside = ''] of html.matchAll(/<button([^>]*)>([\s\S]*?)<\/button>/g))
        assert.ok(
          /aria-label=/.test(attributes) || inside.replace(/<[^>]*>/g, '').trim() !== '',
          `${path}: ${attributes}`,
        );
    }
    await lab.close();
  });

  it('a machine page shows which secrets are set and never what they are', async () => {
    const lab = layHttpLab();
    const machines = await fillRack(lab.store, 1_700_000_000_000);
    const base = await lab.listen('socket');
    const mustang = machines.find((machine) => machine.name === 'mustang-01');
    const parameters = { host: '10.0.9.3', user: 'farrier' };
    await lab.deps.machines.setPower(
      mustang?.id ?? '',
      { driver: 'ipmi', parameters, secrets: { password: 'canary' } },
      'a test',
    );
    const html = await get(base, '/machines/mustang-01');
    assert.match(html, /name="secrets\.password" type="password" value="" placeholder="set/);
    assert.ok(!html.includes('canary'));
    await lab.close();
  });

  it('a refused boot says why in one sentence above its lines', async () => {
    const lab = layHttpLab();
    await fillRack(lab.store, 1_700_000_000_000);
    const html = await get(await lab.listen('socket'), '/machines/mustang-03');
    const refused = html.indexOf('id="boot-b-refused"');
    const sentence = html.indexOf('kernel arguments need 301 octets, u-boot’s', refused);
    assert.ok(refused > 0 && sentence > refused && sentence < html.indexOf('class="lines"', refused));
    await lab.close();
  });

  it('a page of nobody is a page that says so', async () => {
    const lab = layHttpLab();
    const base = await lab.listen('socket');
    const response = await fetch(`${base}/machines/nobody`, { headers: { Accept: 'text/html' } });
    assert.equal(response.status, 404);
    assert.match(await response.text(), /no machine &quot;nobody&quot;/);
    await lab.close();
  });

  const nexts: readonly (readonly [string | undefined, string])[] = [
    ['/machines/a?b=1', '/machines/a?b=1'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/a\n/b', '/'],
    [undefined, '/'],
  ];
  for (const [next, want] of nexts)
    it(`after the log-in, ${JSON.stringify(next)} leads to ${want}`, () => {
      assert.equal(safeNext(next), want);
    });
});
