import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { memberOf, socketApi } from '../../lab/socket-api.ts';
import { listOf, untilApi } from '../support/farrier-process.ts';

/** Six boards boot, with whatever else the host does. */
const SOON_MS = 90_000;
const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

describe('the rack in a box where namespaces are refused', () => {
  it('falls back to loopback, says so and why in one line, and all six boards enlist and have a console', async function () {
    this.timeout(600_000);
    const folder = await mkdtemp(join(tmpdir(), 'farrier-loopback-'));
    const refusing = join(folder, 'unshare');
    await writeFile(refusing, '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n');
    await chmod(refusing, 0o755);
    const demo = spawn(process.execPath, ['--import', 'tsx', MAIN, 'demo', '--port', '0'], {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}`, TMPDIR: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const words = saidBy(demo);
    try {
      const said = await words.has(/Ctrl-C.*\n/, SOON_MS);
      assert.match(said, /^Rack in a box: 6 .* on loopback \(no namespace: .*Operation not permitted\).*\n$/);
      const api = socketApi(join(folder, `farrier-demo-${String(process.getuid?.() ?? 0)}`, 'data', 'farrier.sock'));
      const isEnlisted = (machine: unknown): boolean => memberOf(machine, 'facts') !== undefined;
      const body = await untilApi(
        api,
        '/api/v1/machines',
        (machines) => listOf(machines, 'machines').filter(isEnlisted).length === 6,
        SOON_MS,
      );
      for (const machine of listOf(body, 'machines'))
        assert.match(String(memberOf(machine, 'address')), /^127\.77\.0\./);
      const isOpen = (at: unknown): boolean =>
        memberOf(memberOf(at, 'line'), 'is') === 'open' && Number(memberOf(memberOf(at, 'recorded'), 'to')) > 0;
      for (const machine of listOf(body, 'machines'))
        await untilApi(api, `/api/v1/machines/${String(memberOf(machine, 'id'))}/console`, isOpen, SOON_MS);
      const url = /http:\S+\//.exec(said)?.[0] ?? '';
      assert.equal((await fetch(url)).status, 200);
    } finally {
      await endChild(demo, { by: 'SIGTERM', graceMs: 60_000 });
      await rm(folder, { recursive: true, force: true });
    }
  });
});
