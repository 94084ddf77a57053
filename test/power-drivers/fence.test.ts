import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFenceDriver } from '../../power-drivers/fence.ts';
import { vouchForFile } from '../../power-drivers/trust.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { err } from '../../server/core/result.ts';
import type { PowerDriver, PowerHandle } from '../../server/ports/power-driver.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { shellAgent, STATEFUL } from '../support/fence-agent.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'canary-fence-1';

describe('fence agents', () => {
  let folder: DriverFolder;
  let driver: PowerDriver;
  beforeEach(async () => {
    folder = await createDriverFolder();
    driver = createFenceDriver((agent) =>
      agent === 'fence_absent' ? Promise.resolve(err('there is none')) : vouchForFile(join(folder.path, agent)),
    );
  });
  afterEach(() => folder.remove());

  const opened = async (lines: string, change: FieldValues = {}, actions?: readonly string[]): Promise<PowerHandle> => {
    await folder.drop('fence_test', shellAgent(lines, actions));
    const parameters = { agent: 'fence_test', host: '192.0.2.7', user: 'lab', password: PASSWORD, plug: '3' };
    return driver.open({ ...parameters, ...change }, realEdges);
  };
  const noted = async (name: string): Promise<readonly string[]> =>
    (await readFile(join(folder.path, name), 'utf8')).split('\n').slice(0, -1);

  it('get everything on standard input and nothing but the question for metadata as arguments', async () => {
    const handle = await opened('exit 0', { port: 6230, options: 'lanplus=1', community: 'canary-c' });
    await handle.set('on', forever);
    assert.deepEqual(await noted('args'), ['-o metadata', '']);
    assert.deepEqual(await noted('input'), [
      'action=on',
      'ip=192.0.2.7',
      'ipport=6230',
      'username=lab',
      `password=${PASSWORD}`,
      'community=canary-c',
      'plug=3',
      'lanplus=1',
      'retry_on=0',
      'power_timeout=10',
    ]);
  });

  it('switch and tell the state: exit code 0 is on, 2 is off', async () => {
    const handle = await opened(STATEFUL);
    await writeFile(join(folder.path, 'power'), 'off\n');
    assert.equal(await handle.query(forever), 'off');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.set('off', forever);
    await handle.reset?.(forever);
    assert.equal(await handle.query(forever), 'on');
  });

  it('describe themselves once, and again when they have changed', async () => {
    const handle = await opened('exit 0');
    await handle.query(forever);
    await handle.query(forever);
    assert.deepEqual(await noted('args'), ['-o metadata', '', '']);
    await opened('exit 2');
    assert.equal(await handle.query(forever), 'off');
    assert.equal((await noted('args')).filter((line) => line !== '').length, 2);
  });

  const ends: readonly (readonly [string, string, string, RegExp])[] = [
    ['a login that failed', 'Unable to connect/login to fencing device', 'auth', /do not say which/],
    ['a missing right', 'Failed: The user does not have the correct privileges', 'auth', /may not/],
    ['an HTTP 401', 'Exception: HTTP error 401: Unauthorized', 'auth', /refuses the credentials/],
    ['a silent device', 'Connection timed out', 'timeout', /does not answer/],
    ['a broken connection', 'Connection lost', 'unreachable', /was lost/],
    ['a missing field', 'Failed: You have to enter plug number', 'config', /field is missing/],
    [
      'a plug that is not there',
      'Failed: Unable to obtain correct plug status or plug is not available',
      'refused',
      /plug/,
    ],
    ['words of its own', '2026-11-20 21:00:00,123 ERROR: outlet is locked', 'refused', /exit code 1: outlet is locked/],
  ];
  for (const [title, words, code, pattern] of ends)
    it(`end with ${title}: ${code}`, async () => {
      const lines = `echo "${words}" >&2; echo "Please use '-h' for usage" >&2; exit 1`;
      const handle = await opened(lines);
      for (const doing of [() => handle.query(forever), () => handle.set('on', forever)]) {
        const error = await failureOf(doing);
        assert.equal(error.code, code, error.message);
        assert.match(error.message, pattern);
        assert.match(error.message, /fence_test 192\.0\.2\.7/);
        assert.ok(!error.message.includes(PASSWORD));
      }
    });

  it('a reboot has one try to switch on again, and says when it does not', async () => {
    const handle = await opened('echo "ERROR: Timed out waiting to power ON" >&2; exit 0');
    assert.equal((await failureOf(handle.reset?.(forever) ?? Promise.resolve())).code, 'no-effect');
    assert.ok((await noted('input')).includes('retry_on=1'));
    const broken = await opened('echo "ERROR: Connection lost" >&2; exit 1');
    assert.equal((await failureOf(broken.reset?.(forever) ?? Promise.resolve())).code, 'unreachable');
  });

  it('an order that has not come true yet was taken', async () => {
    const handle = await opened('echo "Failed: Timed out waiting to power ON" >&2; exit 1');
    await handle.set('on', forever);
    assert.equal((await failureOf(handle.query(forever))).code, 'refused');
  });

  it('exit codes of missing tools are tool-missing, of status nothing but 0 and 2 counts', async () => {
    assert.equal((await failureOf((await opened('exit 127')).query(forever))).code, 'tool-missing');
    assert.equal((await failureOf((await opened('exit 3')).query(forever))).code, 'refused');
    assert.equal((await failureOf((await opened('exit 2')).set('on', forever))).code, 'refused');
  });

  const settings: readonly (readonly [string, FieldValues, RegExp])[] = [
    ['an option the agent does not know', { options: 'cipher=3' }, /knows no option "cipher"/],
    ['an option that runs a program', { options: 'password_script=/bin/id' }, /"password_script" is not offered/],
    ['an option that names a program', { options: 'ipmitool_path=/bin/id' }, /"ipmitool_path" is not offered/],
    ['an option that writes a file', { options: 'debug_file=/etc/x' }, /"debug_file" is not offered/],
    ['another action', { options: 'action=off' }, /"action" is not offered/],
    ['an option to the tool behind it', { options: 'lanplus=-f' }, /must not begin with a dash/],
    ['an option with a blank in it', { options: 'lanplus=1 -f' }, /"options"/],
    ['a plug that is more than a plug', { plug: '1 -f' }, /"plug"/],
    ['a plug with a line break', { plug: '1\naction=off' }, /"plug"/],
    ['a path as agent', { agent: '../bin/sh' }, /"agent"/],
    ['an agent that is not there', { agent: 'fence_absent' }, /there is none/],
    ['an agent without such a file', { agent: 'fence_nosuch' }, /cannot be read/],
  ];
  for (const [title, change, words] of settings)
    it(`refuse ${title}`, async () => {
      const error = await failureOf(async () => (await opened('exit 0', change)).query(forever));
      assert.equal(error.code, 'config');
      assert.match(error.message, words);
      assert.ok(!existsSync(join(folder.path, 'input')), 'nothing was ordered');
    });

  it('refuse an action the agent does not have', async () => {
    const error = await failureOf((await opened('exit 0', {}, ['on', 'off'])).query(forever));
    assert.equal(error.code, 'config');
    assert.match(error.message, /no action "status"/);
  });

  it('are refused when others may write them, or when they are no agents at all', async () => {
    const handle = await opened('exit 0');
    await folder.drop('fence_test', shellAgent('exit 0'), 0o777);
    assert.equal((await failureOf(handle.query(forever))).code, 'config');
    await folder.drop('fence_test', '#!/bin/sh\necho hello\n');
    assert.equal((await failureOf(handle.query(forever))).code, 'tool-missing');
  });

  it('keep blanks and quotes of a password', async () => {
    await (await opened('exit 0', { password: '"in quotes"' })).query(forever);
    assert.ok((await noted('input')).includes('password=""in quotes""'));
  });

  it('that print without end are ended and refused', async () => {
    const error = await failureOf((await opened('exec yes')).query(forever));
    assert.equal(error.code, 'refused');
    assert.match(error.message, /printed more/);
  });

  it('that hang are ended with their children when nobody waits any more', async () => {
    const handle = await opened(`sleep 64 & echo $! > "$here/child"; sleep 65`);
    const stop = new AbortController();
    const doing = failureOf(handle.query(stop.signal));
    const child = join(folder.path, 'child');
    while (!existsSync(child) || readFileSync(child, 'utf8') === '')
      await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    assert.equal((await doing).code, 'timeout');
    const pid = readFileSync(child, 'utf8').trim();
    const isGone = (): boolean => {
      try {
        return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return true;
      }
    };
    await until(`the end of process ${pid}`, isGone);
  });
});
