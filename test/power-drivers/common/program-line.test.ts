import { strict as assert } from 'node:assert';
import { readdirSync, readlinkSync } from 'node:fs';
import { openProgramLine, type ProgramLine } from '../../../power-drivers/common/program-line.ts';
import { createDriverFolder, type DriverFolder } from '../../support/driver-folder.ts';
import { realEdges } from '../../support/ipmi-crypto.ts';
import { failureOf } from '../../support/power-failure.ts';
import { until } from '../../support/until.ts';

describe('a program that is spoken with line by line', () => {
  let folder: DriverFolder;
  const open: ProgramLine[] = [];
  const started = async (shell: string, deadlines = { readyMs: 9000, answerMs: 9000 }): Promise<ProgramLine> => {
    const path = await folder.drop('device', `#!/bin/sh\n${shell}\n`);
    const line = await openProgramLine({ path, args: [], folder: folder.path, name: 'it' }, deadlines, realEdges);
    open.push(line);
    return line;
  };
  beforeEach(async () => {
    folder = await createDriverFolder();
  });
  afterEach(async () => {
    for (const line of open.splice(0)) await line.close();
    await folder.remove();
  });

  it('says what it has to say, is ready, and answers in turn in its own folder', async () => {
    const line = await started('echo one; echo two; echo ready; while read -r a; do echo "$a? ${PWD##*/}"; done');
    assert.deepEqual(line.opening, ['one', 'two']);
    const here = folder.path.split('/').at(-1) ?? '';
    assert.deepEqual(await Promise.all([line.ask('a'), line.ask('b')]), [`a? ${here}`, `b? ${here}`]);
  });

  const broken: readonly (readonly [string, string, string, RegExp])[] = [
    ['ends', 'read -r a; echo "no relay" >&2; exit 3', 'refused', /^it ended with exit code 3: no relay$/],
    ['is killed', 'read -r a; kill -9 $$', 'refused', /^it ended by signal SIGKILL/],
    ['floods', 'read -r a; exec tr "\\0" x </dev/zero', 'refused', /^it says more than it is asked/],
    ['talks on', 'read -r a; exec yes', 'refused', /^it (says more than it is asked|said "y" without)/],
  ];
  for (const [title, shell, code, words] of broken)
    it(`one that ${title} is told of, at each question`, async () => {
      const line = await started(`echo ready; ${shell}`);
      const ask = async (): Promise<string> => line.ask(await line.ask('a'));
      const first = await failureOf(ask());
      assert.deepEqual([first.code, words.test(first.message)], [code, true], first.message);
      assert.equal(await failureOf(line.ask('b')), first);
    });

  it('one that is silent is given up, before it is ready and after', async () => {
    const early = await failureOf(started('exec sleep 600', { readyMs: 50, answerMs: 50 }));
    assert.deepEqual([early.code, early.message], ['timeout', 'it said nothing for 50 ms']);
    const line = await started('echo ready; exec sleep 600', { readyMs: 9000, answerMs: 50 });
    assert.equal((await failureOf(line.ask('a'))).code, 'timeout');
  });

  it('one that is not there, or never ready, is told of', async () => {
    const start = { path: `${folder.path}/absent`, args: [], folder: folder.path, name: 'it' };
    const absent = await failureOf(openProgramLine(start, { readyMs: 9000, answerMs: 9000 }, realEdges));
    assert.equal(absent.code, 'tool-missing');
    assert.match((await failureOf(started('exec yes'))).message, /^it says more than/);
  });

  it('is ended with all that came of it, also what left for a session of its own', async () => {
    const line = await started('setsid sleep 601 & sleep 602 & echo ready; cat');
    const alive = (): number => readdirSync('/proc').filter((pid) => workplaceOf(pid) === folder.path).length;
    await until('both sleepers and the shell work', () => alive() === 4);
    await line.close();
    await until('nobody works any more', () => alive() === 0);
    assert.equal((await failureOf(line.ask('a'))).message, 'it was ended');
  });
});

function workplaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
