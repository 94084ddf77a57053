import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { runToEnd, type ProgramRun } from '../../../power-drivers/common/run-program.ts';
import { createDriverFolder, type DriverFolder } from '../../support/driver-folder.ts';
import { realEdges } from '../../support/ipmi-crypto.ts';
import { failureOf, forever } from '../../support/power-failure.ts';

/** Groups, deadlines and floods are shown in test/power-drivers/exec.test.ts, with the first user of this. */
describe('running a program once', () => {
  let folder: DriverFolder;
  beforeEach(async () => {
    folder = await createDriverFolder();
  });
  afterEach(() => folder.remove());
  const call = (path: string, change: Partial<ProgramRun> = {}): ProgramRun => ({
    path,
    args: [],
    input: '',
    name: 'the program',
    timeoutMs: 5000,
    ...change,
  });

  it('gives its input, and what it said on either side', async () => {
    const path = await folder.drop('echo', '#!/bin/sh\ncat; echo "$1" >&2; exit 3\n');
    const ended = await runToEnd(call(path, { args: ['a b'], input: 'x\ny' }), realEdges, forever);
    assert.deepEqual(ended, { code: 3, stdout: 'x\ny', stderr: 'a b\n' });
  });

  it('nothing is begun when nobody waits any more', async () => {
    const path = await folder.drop('trace', `#!/bin/sh\ntouch "$0.ran"\n`);
    assert.equal((await failureOf(runToEnd(call(path), realEdges, AbortSignal.abort()))).code, 'timeout');
    await runToEnd(call(await folder.drop('other', '#!/bin/sh\nexit 0\n')), realEdges, forever);
    assert.equal(existsSync(`${path}.ran`), false);
  });

  it('a file somebody is still writing is busy, one that is not there is missing', async () => {
    const path = await folder.drop('written', '#!/bin/sh\nexit 0\n');
    const writer = await open(path, 'r+');
    const busy = await failureOf(runToEnd(call(path), realEdges, forever));
    await writer.close();
    assert.equal(busy.code, 'busy');
    assert.match(busy.message, /^the program: cannot be run: .*ETXTBSY/);
    for (const missing of [`${folder.path}/absent`, folder.path])
      assert.equal((await failureOf(runToEnd(call(missing), realEdges, forever))).code, 'tool-missing', missing);
  });

  it('is not begun in earnest when nobody waits any more', async () => {
    const path = await folder.drop('sleeper', '#!/bin/sh\nsleep 66\n');
    const stop = new AbortController();
    stop.abort();
    assert.equal((await failureOf(runToEnd(call(path), realEdges, stop.signal))).code, 'timeout');
  });
});
