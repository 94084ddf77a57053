import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FieldValues } from '../../server/core/field.ts';
import { createPowerDrivers, type SiteDrivers } from '../../power-drivers/index.ts';
import { PowerError, type PowerHandle } from '../../server/ports/power-driver.ts';
import { createDriverFolder, shellDriver, type DriverFolder } from '../support/driver-folder.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { until } from '../support/until.ts';

const CANARY = 'canary-s3cret';
const forever = new AbortController().signal;

describe('driver programs', () => {
  let folder: DriverFolder;
  let drivers: SiteDrivers;
  beforeEach(async () => {
    folder = await createDriverFolder();
    drivers = await createPowerDrivers([folder.path], { ...realEdges, log: createQuietLog() });
  });
  afterEach(async () => {
    drivers.close();
    await folder.remove();
  });

  const opened = async (lines: string, parameters: FieldValues = {}, callTimeoutMs = 5000): Promise<PowerHandle> => {
    await folder.drop('under-test', shellDriver('under-test', lines, callTimeoutMs));
    await drivers.rescan();
    const driver = drivers.byName('under-test');
    assert.ok(driver, drivers.problems()[0]?.because);
    return driver.open({ host: '10.0.0.9', password: CANARY, ...parameters }, realEdges);
  };
  const failure = async (doing: Promise<unknown>): Promise<PowerError> => {
    const thrown: unknown = await doing.then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof PowerError, String(thrown));
    return thrown;
  };

  it('get their verb as an argument and their fields as one JSON line on standard input', async () => {
    const handle = await opened(
      `echo "$#:$*" >> ${folder.path}/args; cat >> ${folder.path}/input; echo '{"state":"on"}'`,
      {
        outlet: '3; id $(id)',
      },
    );
    await handle.set('on', forever);
    await handle.set('off', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.reset?.(forever);
    await handle.bootdev?.('pxe', forever);
    await handle.identify?.(60, forever);
    const args = ['1:on', '1:off', '1:status', '1:reset', '2:bootdev pxe', '2:identify 60', ''];
    assert.deepEqual((await readFile(join(folder.path, 'args'), 'utf8')).split('\n'), args);
    const [line = ''] = (await readFile(join(folder.path, 'input'), 'utf8')).split('\n');
    assert.deepEqual(JSON.parse(line), { host: '10.0.0.9', password: CANARY, outlet: '3; id $(id)' });
  });

  it('never see a secret in their arguments or environment, nor anything of ours', async () => {
    process.env['FARRIER_TEST_CANARY'] = 'leaked';
    const handle = await opened(
      `tr '\\0' '\\n' < /proc/$$/cmdline > ${folder.path}/cmdline; tr '\\0' '\\n' < /proc/$$/environ > ${folder.path}/environ; echo '{}'`,
    );
    await handle.set('on', forever);
    delete process.env['FARRIER_TEST_CANARY'];
    const [cmdline, environ] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(join(folder.path, name), 'utf8')),
    );
    assert.ok(cmdline?.includes('under-test\non'), 'the recorder works');
    assert.ok(environ?.includes('PATH='), 'the recorder works');
    assert.ok(!`${cmdline}${environ}`.includes(CANARY));
    assert.ok(!environ?.includes('FARRIER_TEST_CANARY') && !environ?.includes('HOME='));
  });

  const exits: readonly (readonly [string, string, string, RegExp])[] = [
    ['10 is unreachable', 'exit 10', 'unreachable', /exit code 10/],
    ['11 is auth', 'exit 11', 'auth', /exit code 11/],
    [
      '12 is refused, with the message it gives',
      'echo \'{"message":"outlet 9 is locked"}\'; exit 12',
      'refused',
      /outlet 9 is locked/,
    ],
    ['13 is config', 'exit 13', 'config', /exit code 13/],
    ['any other code is refused', 'echo oops >&2; exit 1', 'refused', /exit code 1: oops/],
    ['death by a signal is refused', 'kill -9 $$', 'refused', /SIGKILL/],
    ['a tool it misses is tool-missing', 'exec no-such-tool-here', 'tool-missing', /exit code 127/],
    ['an answer that is no JSON is refused', 'echo hello', 'refused', /not one line of JSON/],
    ['a JSON answer that is no object is refused', 'echo 42', 'refused', /not one line of JSON/],
    ['a status without a state is refused', "echo '{}'", 'refused', /no "state"/],
    ['a status of its own invention is refused', 'echo \'{"state":"broken"}\'', 'refused', /no "state"/],
  ];
  for (const [title, lines, code, words] of exits)
    it(`exit: ${title}`, async () => {
      const error = await failure((await opened(lines)).query(forever));
      assert.equal(error.code, code);
      assert.match(error.message, words);
    });

  it('that print a megabyte are ended and refused', async () => {
    const error = await failure((await opened('head -c 1000000 /dev/zero; sleep 60')).query(forever));
    assert.equal(error.code, 'refused');
    assert.match(error.message, /printed more than 65536/);
  });

  it('that fork and hang are killed with their whole family at the deadline', async () => {
    const handle = await opened(`(sleep 61 & echo $! > ${folder.path}/child; sleep 62)`, {}, 400);
    const error = await failure(handle.query(forever));
    assert.equal(error.code, 'timeout');
    const child = (await readFile(join(folder.path, 'child'), 'utf8')).trim();
    const isGone = (): boolean => !existsSync(`/proc/${child}`) || isZombie(child);
    await until(`the end of process ${child}`, isGone);
  });

  it('that print 100 MB are ended after 64 KiB, and nothing of it is kept', async () => {
    const before = process.memoryUsage().rss;
    const error = await failure((await opened('exec head -c 100000000 /dev/zero')).query(forever));
    assert.match(error.message, /printed more than 65536/);
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
  });

  const runs = (pid: string): boolean => existsSync(`/proc/${pid}`) && !isZombie(pid);
  const childOf = async (): Promise<string> => (await readFile(join(folder.path, 'child'), 'utf8')).trim();
  const untilGone = async (pid: string): Promise<void> => {
    await until(`the end of process ${pid}`, () => !runs(pid));
  };

  for (const [title, spawned] of [
    ['in its group', 'sleep 71 &'],
    ['in its group, deaf to SIGTERM and SIGHUP', `(trap '' TERM HUP INT; while :; do sleep 72; done) &`],
    ['in a session of its own', 'setsid sleep 73 &'],
  ] as const)
    it(`that leave a process behind ${title} have answered, and it is killed`, async () => {
      const lines = `${spawned}\necho $! > ${folder.path}/child; echo '{"state":"on"}'`;
      assert.equal(await (await opened(lines)).query(forever), 'on');
      await untilGone(await childOf());
    });

  it('that hand their pipes to a process in a session of its own do not hold up the answer', async () => {
    const lines = `setsid sh -c 'echo $$ > ${folder.path}/child; exec sleep 74' &
      while ! [ -s ${folder.path}/child ]; do sleep 0.01; done; echo '{"state":"off"}'`;
    const handle = await opened(lines, {}, 60_000);
    assert.equal(await handle.query(forever), 'off');
    await untilGone(await childOf());
  });

  it('that are deaf to SIGTERM end with the deadline', async () => {
    const error = await failure((await opened(`trap '' TERM HUP INT; sleep 75; sleep 76`, {}, 300)).query(forever));
    assert.equal(error.code, 'timeout');
  });

  it('may answer in pieces', async () => {
    const handle = await opened(`printf '{"sta'; sleep 0.05; printf 'te":"o'; sleep 0.05; printf 'n"}'`);
    assert.equal(await handle.query(forever), 'on');
  });

  it('that answer in no known letters are refused in words that can be shown', async () => {
    const error = await failure((await opened(`printf '\\377\\376{"state":"on"}\\n'`)).query(forever));
    assert.equal(error.code, 'refused');
    const spoken = await failure((await opened(`printf 'caf\\351\\n' >&2; exit 12`)).query(forever));
    assert.match(spoken.message, /exit code 12: caf\ufffd$/);
  });

  it('that close all their pipes and stay are ended at the deadline', async () => {
    const handle = await opened('exec 0<&- 1>&- 2>&-; sleep 77', {}, 300);
    assert.equal((await failure(handle.query(forever))).code, 'timeout');
  });

  it('say their pace, and what the controller tells of itself', async () => {
    const declared = shellDriver(
      'paced',
      `[ "$1" = info ] && echo '{"info":{"firmware":"1.2","outlets":8,"odd":[1]}}'`,
    ).replace('"callTimeoutMs":5000', '"callTimeoutMs":5000,"paceMs":700');
    await folder.drop('paced', declared.replace('"identify"]', '"identify","info"]'));
    await drivers.rescan();
    const driver = drivers.byName('paced');
    assert.equal(driver?.paceMs, 700);
    const handle = driver.open({ host: '10.0.0.9', password: CANARY }, realEdges);
    assert.deepEqual(await handle.info?.(forever), { firmware: '1.2', outlets: '8' });
  });

  it('are ended at once when nobody waits any more', async () => {
    const stop = new AbortController();
    const doing = failure((await opened('sleep 63')).query(stop.signal));
    stop.abort();
    assert.equal((await doing).code, 'timeout');
  });

  it('that do not read their input are no trouble', async () => {
    const handle = await opened('exec 0<&-; echo \'{"state":"off"}\'');
    assert.equal(await handle.query(forever), 'off');
  });

  it('that were changed since they were read are not run', async () => {
    const handle = await opened('echo \'{"state":"on"}\'');
    await folder.drop('under-test', `${shellDriver('under-test', 'exit 0')}# longer`);
    assert.equal((await failure(handle.query(forever))).code, 'config');
  });

  it('that others may write are not run', async () => {
    const handle = await opened('echo \'{"state":"on"}\'');
    await folder.drop('under-test', shellDriver('under-test', 'echo \'{"state":"on"}\''), 0o775);
    assert.equal((await failure(handle.query(forever))).code, 'config');
  });

  describe('the driver "exec" for those that do not describe themselves', () => {
    const program = (parameters: FieldValues): PowerHandle => {
      const driver = drivers.byName('exec');
      assert.ok(driver);
      return driver.open(parameters, realEdges);
    };

    it('runs what lies in a driver folder, by name or by path', async () => {
      await folder.drop('plain', '#!/bin/sh\ngrep -q \'"outlet":"7"\' && echo \'{"state":"on"}\'\n');
      assert.equal(await program({ program: 'plain', outlet: '7' }).query(forever), 'on');
      assert.equal(await program({ program: join(folder.path, 'plain'), outlet: '7' }).query(forever), 'on');
    });

    const bad: readonly (readonly [string, string])[] = [
      ['elsewhere', '/bin/true'],
      ['by climbing', '../../bin/true'],
      ['as an option', '-rf'],
      ['with a newline', 'plain\nid'],
      ['that is not there', 'absent'],
    ];
    for (const [title, name] of bad)
      it(`refuses a program ${title}`, async () => {
        const asked = Promise.resolve().then(() => program({ program: name }).query(forever));
        assert.equal((await failure(asked)).code, 'config');
      });

    it('refuses a program that is not executable or writable by others', async () => {
      await folder.drop('data', 'x', 0o644);
      await folder.drop('open', '#!/bin/sh\n', 0o777);
      for (const name of ['data', 'open'])
        assert.equal((await failure(program({ program: name }).query(forever))).code, 'config');
    });
  });
});

function isZombie(pid: string): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}
