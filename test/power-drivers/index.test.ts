import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, open, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createPowerDrivers, type SiteDrivers } from '../../power-drivers/index.ts';
import { createDriverFolder, shellDriver, type DriverFolder } from '../support/driver-folder.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { until } from '../support/until.ts';

const DECLARED = `name: 'site-pdu', summary: 's', abilities: ['on', 'off', 'status'], callTimeoutMs: 1000, settleTimeoutMs: 1000,
  fields: { outlet: { kind: 'integer', label: 'Outlet', scope: 'machine', required: true } },
  open: ({ outlet }) => ({ set: async () => {}, query: async () => (outlet === 2 ? 'on' : 'off') })`;
const forever = new AbortController().signal;

describe('the drivers there are', () => {
  let folder: DriverFolder;
  let drivers: SiteDrivers | undefined;
  let log = createQuietLog();
  const load = async (): Promise<SiteDrivers> => {
    drivers = await createPowerDrivers([folder.path], { ...realEdges, log });
    return drivers;
  };
  beforeEach(async () => {
    log = createQuietLog();
    folder = await createDriverFolder();
  });
  afterEach(async () => {
    drivers?.close();
    await folder.remove();
  });

  /** Of the drivers that come with Farrier; a folder without drivers adds none. */
  const shipped = async (): Promise<readonly string[]> => {
    const bare = await createPowerDrivers([], { ...realEdges, log });
    bare.close();
    return bare.list().map((driver) => driver.name);
  };

  it('ipmi, exec and manual come with Farrier, among others', async () => {
    const all = await load();
    for (const name of ['ipmi', 'exec', 'manual']) {
      assert.ok(all.byName(name), name);
      assert.equal(all.fileOf(name), undefined);
    }
    assert.deepEqual(
      all.list().map((driver) => driver.name),
      await shipped(),
    );
  });

  it('a program dropped into the folder appears within 5 s without a restart, and goes with its file', async () => {
    const clock = createFakeClock();
    drivers = await createPowerDrivers([folder.path], { ...realEdges, clock, log });
    const file = await folder.drop('dropped', shellDriver('dropped', 'exit 0'));
    const appeared = async (want: boolean): Promise<void> => {
      await clock.pass(2000);
      // The program is a real process: its answer takes real time, however the clock is moved.
      await until(want ? 'the driver' : 'no driver', () => (drivers?.byName('dropped') !== undefined) === want);
    };
    await appeared(true);
    await rm(file);
    await appeared(false);
  });

  for (const [title, text] of [
    ['an object', `export default { ${DECLARED} };`],
    [
      'a function that is given the kit',
      `export default ({ definePowerDriver }) => definePowerDriver({ ${DECLARED} });`,
    ],
  ] as const)
    it(`a module may export ${title}`, async () => {
      await folder.drop('site.mjs', text, 0o644);
      const driver = (await load()).byName('site-pdu');
      assert.ok(driver, log.lines.join('\n'));
      assert.equal(await driver.open({ outlet: '2' }, realEdges).query(forever), 'on');
      assert.throws(() => driver.open({ outlet: 'two' }, realEdges), /"outlet" must be a whole number/);
    });

  it('a module that was changed is read again', async () => {
    await folder.drop('site.mjs', `export default { ${DECLARED} };`, 0o644);
    const all = await load();
    await folder.drop('site.mjs', `export default { ${DECLARED.replace("'s'", "'changed'")} };`, 0o644);
    await all.rescan();
    assert.equal(all.byName('site-pdu')?.summary, 'changed');
  });

  it('a program that is still being written is tried again, though it does not change any more', async () => {
    const file = await folder.drop('slow-hand', shellDriver('slow-hand', 'exit 0'));
    const hand = await open(file, 'r+');
    const all = await load();
    // Linux 6.11 runs it all the same.
    const isRefused = spawnSync(file).error !== undefined;
    assert.equal(/cannot be run: .*ETXTBSY/.test(all.problems()[0]?.because ?? ''), isRefused);
    await hand.close();
    await all.rescan();
    assert.ok(all.byName('slow-hand'));
    assert.deepEqual(all.problems(), []);
  });

  it('a site may shadow a driver that comes with Farrier', async () => {
    await folder.drop('manual', shellDriver('manual', 'exit 0'));
    const all = await load();
    assert.equal(all.byName('manual')?.summary, 'a test driver');
    assert.equal(all.fileOf('manual'), join(folder.path, 'manual'));
  });

  it('of two files with one name the first counts, and the other is told with the reason', async () => {
    await folder.drop('a-twin', shellDriver('twin', 'exit 0').replace('a test driver', 'the first'));
    const second = await folder.drop('b-twin', shellDriver('twin', 'exit 0'));
    const all = await load();
    assert.equal(all.byName('twin')?.summary, 'the first');
    assert.deepEqual(all.problems(), [
      { file: second, because: `its name "twin" is taken by ${join(folder.path, 'a-twin')}; give one of them another` },
    ]);
  });

  it('a module that never ends loading is told, and holds up nobody', async () => {
    const clock = createFakeClock();
    await folder.drop(
      'hangs.mjs',
      'await new Promise(() => setInterval(() => {}, 1e6).unref()); export default {};',
      0o644,
    );
    const loading = createPowerDrivers([folder.path], { ...realEdges, clock, log });
    // The file is read in real time before the clock has anything to wait for.
    while (clock.waiting() === 0) await new Promise((resolve) => setImmediate(resolve));
    drivers = await clock.until(loading);
    assert.match(drivers.problems()[0]?.because ?? '', /not loaded within 3000 ms/);
  });

  const refused: readonly (readonly [string, (folder: DriverFolder) => Promise<unknown>, RegExp])[] = [
    [
      'a file that its group may write',
      (f) => f.drop('a', shellDriver('a', ''), 0o775),
      /writable by group or world.*chmod go-w/,
    ],
    ['a file that all may write', (f) => f.drop('a.mjs', 'export default {}', 0o646), /writable by group or world/],
    ['a folder that all may write', (f) => chmod(f.path, 0o777), /writable by group or world/],
    ['a link', (f) => symlink('/bin/true', join(f.path, 'a')), /not a plain file/],
    [
      'a program that declares rubbish',
      (f) => f.drop('a', '#!/bin/sh\necho \'{"name":"A B"}\'\n'),
      /declaration is wrong at "name"/,
    ],
    ['a program that will not describe itself', (f) => f.drop('a', '#!/bin/sh\nexit 3\n'), /exit code 3/],
    ['a module without a default export', (f) => f.drop('a.mjs', 'export const x = 1;', 0o644), /declaration is wrong/],
    ['a module that does not parse', (f) => f.drop('a.mjs', 'export default {', 0o644), /Unexpected/],
    [
      'a module that cannot open',
      (f) => f.drop('a.mjs', `export default { ${DECLARED.replace('open:', 'opens:')} };`, 0o644),
      /has no "open"/,
    ],
    [
      'a default password',
      (f) => f.drop('a', shellDriver('a', '').replace('"kind":"secret"', '"kind":"secret","default":"admin"')),
      /no default passwords/,
    ],
  ];
  for (const [title, plant, words] of refused)
    it(`refuses ${title}, by name and with the reason`, async () => {
      await plant(folder);
      const all = await load();
      assert.equal(all.list().length, (await shipped()).length);
      assert.match(
        all
          .problems()
          .map((problem) => `${problem.file}: ${problem.because}`)
          .join('\n'),
        words,
      );
      assert.ok(
        log.lines.some((line) => line.startsWith('warn')),
        'the log tells it',
      );
    });

  it('refuses a file that belongs to somebody else', async function () {
    const file = await folder.drop('a', shellDriver('a', ''));
    if (process.getuid?.() === 0) await chown(file, 12_345, 12_345);
    const all = await load();
    if (process.getuid?.() === 0) assert.match(all.problems()[0]?.because ?? '', /belongs to user 12345/);
    else assert.ok(all.byName('a'), "the service's own user is trusted");
  });

  it('a README beside the drivers is no driver and no problem', async () => {
    await folder.drop('README.md', '# ours', 0o644);
    assert.deepEqual((await load()).problems(), []);
  });

  it('a pretend device beside a driver is none, and is asked nothing; one that others may change is a problem', async () => {
    const file = await folder.drop('pdu.pretend', `#!/bin/sh\ntouch "$0.ran"\n`);
    const all = await load();
    assert.deepEqual([all.problems(), existsSync(`${file}.ran`)], [[], false]);
    await chmod(file, 0o777);
    await all.rescan();
    assert.match(all.problems()[0]?.because ?? '', /pdu\.pretend is writable by group or world/);
  });

  it('a folder that is not there is a problem, not an end', async () => {
    drivers = await createPowerDrivers([join(folder.path, 'absent')], { ...realEdges, log });
    assert.match(drivers.problems()[0]?.because ?? '', /cannot be read/);
    assert.equal(drivers.list().length, (await shipped()).length);
  });
});
