import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layLan, type Lan } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { startVirtualPdu, type VirtualPdu } from '../../lab/virtual-pdu.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { KIT_RULES } from '../../server/services/driver-kit/run-kit.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleMachine } from '../support/samples.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLE = join(ROOT, 'power-drivers', 'examples', 'line-pdu');
const PASSWORD = 'canary-of-a-drop-in';
/** What the handbook promises, and some for a host whose processors are slow and busy. */
const SOON_MS = 5000 + 25_000;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A file dropped into a driver folder of the real daemon: usable from page, API and command line, without a restart. */
describe('a driver dropped into its folder', function () {
  this.timeout(300_000);
  let lan: Lan;
  let farrier: FarrierProcess;
  let drivers: DriverFolder;
  let pdu: VirtualPdu;
  let folder = '';
  let text = '';
  const states = [false, false, false];

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
  /** The PDU's fields as the commands take them, with its password in a file. */
  const device = (): readonly string[] => [`host=${pdu.address}`, `port=${pdu.port}`, 'outlet=3'];
  const secret = (): readonly string[] => ['--secret-file', `password=${join(folder, 'password')}`];
  const test = (driver: string): readonly string[] => [
    'driver',
    'test',
    driver,
    '--set',
    ...device(),
    ...secret(),
    '--yes-switch',
  ];
  const isNamed = (name: string) => (each: unknown) => memberOf(each, 'name') === name;

  before(async () => {
    text = await readFile(EXAMPLE, 'utf8');
    lan = await layLan('drv0', '10.95.0.1/24');
    drivers = await createDriverFolder();
    folder = await mkdtemp(join(tmpdir(), 'farrier-drop-'));
    await writeFile(join(folder, 'password'), PASSWORD);
    const outlets = states.map((_, at) => ({
      isOn: () => states[at] ?? false,
      turn: (on: boolean) => (states[at] = on),
    }));
    pdu = await startVirtualPdu({ address: '127.0.0.1', port: 0, password: PASSWORD, outlets, clock: realClock });
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
    await pdu.stop();
    await lan.remove();
    await drivers.remove();
    await rm(folder, { recursive: true });
  });

  it('the example has at most 20 lines', () => {
    assert.ok(text.trimEnd().split('\n').length <= 20);
  });

  it('is there within 5 s, on the page, in the API and on the command line', async () => {
    assert.ok(!(await page('/machines/bench-1')).includes('line-pdu'));
    const made = await cli('driver', 'new', 'line-pdu', drivers.path);
    assert.equal(made.out, `${join(drivers.path, 'line-pdu')}\n`);
    await listed((all) => all.some(isNamed('line-pdu')));
    const form = await page('/machines/bench-1');
    assert.match(form, /<fieldset data-of="line-pdu"/);
    assert.match(form, /<legend class="sub">PDU that takes one line over TCP<\/legend>/);
    assert.match(
      (await cli('driver', 'list')).out,
      /\nline-pdu +on, off, status +PDU that takes one line over TCP +\/tmp\//,
    );
    assert.match(await page('/drivers'), /<b class="mono">line-pdu<\/b>/);
  });

  it('switches, by API and by command line, and what was seen is kept', async () => {
    const set = await cli('power', 'set', 'bench-1', 'line-pdu', ...device(), ...secret());
    assert.equal(set.code, 0, set.err);
    const on = await farrier.api.must('POST', '/api/v1/machines/bench-1/power/on');
    assert.equal(memberOf(memberOf(on, 'seen'), 'state'), 'on');
    assert.deepEqual(states, [false, false, true]);
    assert.equal((await cli('power', 'off', 'bench-1')).code, 0);
    assert.deepEqual(states, [false, false, false]);
  });

  it('keeps the rules on a real device, switched and unswitched; another driver is not tried on it', async () => {
    const asked = await cli('driver', 'test', 'line-pdu', '--machine', 'bench-1');
    assert.equal(asked.code, 0, asked.err + asked.out);
    assert.match(asked.out, /\nread-back +not-judged +needs --yes-switch\n/);
    assert.match(asked.err, /line-pdu on bench-1: host 127\.0\.0\.1, port \d+, outlet 3: .* 0 broken/);
    const switched = await cli(...test('line-pdu'), '-o', 'json');
    assert.equal(switched.code, 0, switched.err + switched.out);
    const results = listOf(JSON.parse(switched.out), 'results');
    const verdictOf = (rule: string): unknown =>
      memberOf(
        results.find((each) => memberOf(each, 'rule') === rule),
        'verdict',
      );
    for (const rule of [
      'declaration',
      'parameters',
      'outlet',
      'status',
      'read-back',
      'repeatable',
      'wrong-secret',
      'nothing-left',
      'secrets-kept',
    ])
      assert.equal(verdictOf(rule), 'pass', rule);
    assert.equal((await cli('driver', 'test', 'ipmi', '--machine', 'bench-1')).code, 4);
  });

  it('is judged by every rule before its pretend device, which stays where it is', async () => {
    const tested = await cli('driver', 'test', 'line-pdu', '-o', 'json');
    assert.equal(tested.code, 0, tested.err + tested.out);
    const body: unknown = JSON.parse(tested.out);
    const verdicts = listOf(body, 'results').map((each) => [memberOf(each, 'rule'), memberOf(each, 'verdict')]);
    assert.deepEqual(
      verdicts,
      KIT_RULES.map(({ name }) => [name, 'pass']),
    );
    assert.equal(memberOf(body, 'on'), `the pretend device ${join(drivers.path, 'line-pdu.pretend')}`);
    assert.deepEqual(states, [false, false, false], 'the real one is left alone');
  });

  it('a pretend device that others may write to is not run', async () => {
    await chmod(join(drivers.path, 'line-pdu.pretend'), 0o777);
    const tested = await cli('driver', 'test', 'line-pdu');
    assert.equal(tested.code, 4);
    assert.match(tested.err, /line-pdu\.pretend is writable by group or world/);
    await listed((_, problems) => problems.length === 1);
    await rm(join(drivers.path, 'line-pdu.pretend'));
    await listed((_, problems) => problems.length === 0);
  });

  it('one that lies about its state breaks a rule, and the command fails', async () => {
    const liar = text.replaceAll('line-pdu', 'liar').replace('\\"$answer\\"', '\\"on\\"');
    await drop('liar', liar.replace('5000,', '5000,"settleTimeoutMs":1000,'));
    await listed((all) => all.some(isNamed('liar')));
    const tested = await cli(...test('liar'));
    assert.equal(tested.code, 1);
    assert.match(tested.out, /\nread-back +fail /);
  });

  it('changed, it is read again; broken, it is listed with its reason; taken away, it is gone', async () => {
    await drop('line-pdu', text.replaceAll('PDU that takes one line over TCP', 'PDU of bench 7'));
    const isChanged = (each: unknown): boolean => memberOf(each, 'summary') === 'PDU of bench 7';
    await listed((all) => all.some(isChanged));
    await drop('line-pdu', '#!/bin/sh\necho "no such module" >&2\nexit 3\n');
    await listed((all, problems) => !all.some(isNamed('line-pdu')) && problems.length === 1);
    assert.match((await cli('driver', 'list')).out, /\n- +broken +\S+ describe: exit code 3: no such module +\/tmp\//);
    assert.match(await page('/drivers'), /exit code 3: no such module/);
    const order = await farrier.api.call('POST', '/api/v1/machines/bench-1/power/on');
    assert.deepEqual([order.status, memberOf(order.body, 'detail')], [409, 'there is no power driver "line-pdu"']);
    await rm(join(drivers.path, 'line-pdu'));
    await listed((_, problems) => problems.length === 0);
  });
});
