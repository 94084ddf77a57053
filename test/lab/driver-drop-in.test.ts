import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layLan, type Lan } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleMachine } from '../support/samples.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLE = join(ROOT, 'power-drivers', 'examples', 'file-relay');
/** What the handbook promises, and some for a host whose processors are slow and busy. */
const SOON_MS = 5000 + 10_000;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A file dropped into a driver folder of the real daemon: usable from page, API and command line, without a restart. */
describe('a driver dropped into its folder', function () {
  this.timeout(180_000);
  let lan: Lan;
  let farrier: FarrierProcess;
  let drivers: DriverFolder;
  let folder = '';
  let text = '';

  const cli = (...args: readonly string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const socket = join(folder, 'farrier.sock');
      const all = ['--import', 'tsx', join(ROOT, 'server', 'main.ts'), '--socket', socket, ...args];
      execFile(process.execPath, all, { cwd: ROOT }, (error, out, err) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
      });
    });
  const page = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { socketPath: join(folder, 'farrier.sock'), path, headers: { accept: 'text/html' } };
      request(options, (answer) => {
        let html = '';
        answer.setEncoding('utf8').on('data', (more: string) => (html += more));
        answer.on('end', () => {
          resolve(html);
        });
      })
        .on('error', reject)
        .end();
    });
  /** As a careful operator does it: whole at once, never half a file. */
  const drop = async (name: string, words: string): Promise<void> => {
    const draft = join(folder, 'draft');
    await writeFile(draft, words);
    await chmod(draft, 0o755);
    await rename(draft, join(drivers.path, name));
  };
  const listed = (suits: (drivers: readonly unknown[], problems: readonly unknown[]) => boolean): Promise<unknown> =>
    untilApi(
      farrier.api,
      '/api/v1/drivers',
      (body) => suits(listOf(body, 'drivers'), listOf(body, 'problems')),
      SOON_MS,
    );
  const isNamed = (name: string) => (each: unknown) => memberOf(each, 'name') === name;

  before(async () => {
    text = await readFile(EXAMPLE, 'utf8');
    lan = await layLan('drv0', '10.95.0.1/24');
    drivers = await createDriverFolder();
    folder = await mkdtemp(join(tmpdir(), 'farrier-drop-'));
    const store = await openStore({ file: join(folder, 'farrier.db'), clock: realClock, log: createQuietLog() });
    await store.machines.add(sampleMachine(1, { name: 'bench-1', state: 'ready', power: undefined }), []);
    await store.close();
    farrier = await startFarrier({
      networks: [{ name: 'rack', interface: 'drv0', subnet: '10.95.0.0/24', address: '10.95.0.1', unknown: 'ignore' }],
      powerDrivers: [drivers.path],
      dataDir: folder,
    });
  });
  after(async () => {
    await farrier.stop();
    await lan.remove();
    await drivers.remove();
    await rm(folder, { recursive: true });
  });

  it('the example has at most 20 lines', () => {
    assert.ok(text.trimEnd().split('\n').length <= 20);
  });

  it('is there within 5 s, on the page, in the API and on the command line', async () => {
    assert.ok(!(await page('/machines/bench-1')).includes('file-relay'));
    const beganMs = performance.now();
    const made = await cli('driver', 'new', 'file-relay', drivers.path);
    assert.equal(made.out, `${join(drivers.path, 'file-relay')}\n`);
    await listed((all) => all.some(isNamed('file-relay')));
    assert.ok(performance.now() - beganMs < SOON_MS);
    const form = await page('/machines/bench-1');
    assert.match(form, /<fieldset data-of="file-relay"/);
    assert.match(form, /<legend class="sub">Relay that is a file<\/legend>/);
    assert.match((await cli('driver', 'list')).out, /\nfile-relay +on, off, status +Relay that is a file +\/tmp\//);
    assert.match(await page('/drivers'), /<td class="mono">file-relay<\/td>/);
  });

  it('switches, by API and by command line, and what was seen is kept', async () => {
    const set = await cli('power', 'set', 'bench-1', 'file-relay', 'relay=3');
    assert.equal(set.code, 0, set.err);
    const on = await farrier.api.must('POST', '/api/v1/machines/bench-1/power/on');
    assert.equal(memberOf(memberOf(on, 'seen'), 'state'), 'on');
    assert.equal((await readFile(join(drivers.path, 'relays', '3'), 'utf8')).trim(), '1');
    assert.equal((await cli('power', 'off', 'bench-1')).code, 0);
    assert.equal((await readFile(join(drivers.path, 'relays', '3'), 'utf8')).trim(), '0');
  });

  it('keeps the rules on a real device, switched and unswitched; another driver is not tried on it', async () => {
    const asked = await cli('driver', 'test', 'file-relay', '--machine', 'bench-1');
    assert.equal(asked.code, 0, asked.err + asked.out);
    assert.match(asked.out, /\nread-back +not-judged +needs --yes-switch\n/);
    assert.match(asked.err, /file-relay on bench-1: relay 3: .* 0 broken/);
    const switched = await cli('driver', 'test', 'file-relay', '--set', 'relay=3', '--yes-switch', '-o', 'json');
    assert.equal(switched.code, 0, switched.err + switched.out);
    const results = listOf(JSON.parse(switched.out), 'results');
    const verdictOf = (rule: string): unknown =>
      memberOf(
        results.find((each) => memberOf(each, 'rule') === rule),
        'verdict',
      );
    for (const rule of ['declaration', 'parameters', 'outlet', 'status', 'read-back', 'repeatable', 'nothing-left'])
      assert.equal(verdictOf(rule), 'pass', rule);
    assert.equal((await cli('driver', 'test', 'ipmi', '--machine', 'bench-1')).code, 4);
  });

  it('one that lies about its state breaks a rule, and the command fails', async () => {
    const liar = text.replaceAll('file-relay', 'liar').replace('{"state":"off"}', '{"state":"on"}');
    await drop('liar', liar.replace('5000,', '5000,"settleTimeoutMs":1000,'));
    await listed((all) => all.some(isNamed('liar')));
    const tested = await cli('driver', 'test', 'liar', '--set', 'relay=3', '--yes-switch');
    assert.equal(tested.code, 1);
    assert.match(tested.out, /\nread-back +fail /);
  });

  it('changed, it is read again; broken, it is listed with its reason; taken away, it is gone', async () => {
    await drop('file-relay', text.replace('Relay that is a file', 'Relays of bench 7'));
    const isChanged = (each: unknown): boolean => memberOf(each, 'summary') === 'Relays of bench 7';
    await listed((all) => all.some(isChanged));
    await drop('file-relay', '#!/bin/sh\necho "no such module" >&2\nexit 3\n');
    await listed((all, problems) => !all.some(isNamed('file-relay')) && problems.length === 1);
    assert.match((await cli('driver', 'list')).out, /\n- +broken +\S+ describe: exit code 3: no such module +\/tmp\//);
    assert.match(await page('/drivers'), /exit code 3: no such module/);
    const order = await farrier.api.call('POST', '/api/v1/machines/bench-1/power/on');
    assert.deepEqual([order.status, memberOf(order.body, 'detail')], [409, 'there is no power driver "file-relay"']);
    await rm(join(drivers.path, 'file-relay'));
    await listed((_, problems) => problems.length === 0);
  });
});
