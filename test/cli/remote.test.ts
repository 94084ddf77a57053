import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi } from '../../server/cli/client.ts';
import { createRemote, remoteUrl } from '../../server/cli/remote.ts';
import { startFakeDaemon, type FakeDaemon, type Ran } from './fake-daemon.ts';
import { closeLabs, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';

describe('a daemon elsewhere', () => {
  let daemon: FakeDaemon;
  let lab: HttpLab;
  let base = '';
  let folder = '';
  beforeEach(async () => {
    daemon = await startFakeDaemon();
    lab = layHttpLab();
    await lab.store.machines.add(sampleMachine(1), []);
    base = await lab.listen('tcp');
    folder = mkdtempSync(join(tmpdir(), 'farrier-remote-'));
  });
  afterEach(async () => {
    await closeLabs();
    await daemon.close();
    rmSync(folder, { recursive: true });
  });
  const run = (password: string, ...args: readonly string[]): Promise<Ran> => {
    const file = join(folder, 'password');
    writeFileSync(file, `${password}\n`);
    return daemon.run(['--at', base, '--login', 'a-operator', '--login-file', file, ...args]);
  };

  it('is logged in to, asked, and logged out of', async () => {
    const left: string[] = [];
    const { logout } = lab.deps.users;
    Object.assign(lab.deps.users, {
      logout: (cookie: string) => {
        left.push(cookie);
        return logout(cookie);
      },
    });
    const ran = await run('horseshoe', 'machine', 'list', '-o', 'name');
    assert.deepEqual([ran.exit, ran.out], [0, 'board-01\n'], ran.err);
    assert.equal(left.length, 1, 'no session stays behind');
    assert.deepEqual(daemon.got, [], 'the daemon of this host is not asked');
  });

  it('shows a console from there, as the account may', async () => {
    const setting = { transport: 'pretend', parameters: { host: 'h' } };
    const at = await lab.store.machines.byName('board-01');
    await lab.deps.consoles.set(at!, { ...setting, secrets: {} }, 'alice');
    const room = await lab.deps.consoles.room(at!);
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    while (room.line().is !== 'open') await turn();
    const said = Buffer.from('=> \x00\xff', 'latin1');
    lab.board.say(said);
    while (room.recording.range().to < said.length) await turn();
    const password = (): Promise<string> => Promise.resolve('horseshoe');
    const api = createApi(createRemote({ url: remoteUrl(base), user: 'a-operator', password }));
    const stream = await api.stream('/machines/board-01/console/stream', { from: '0' });
    const [hello] = (await once(stream, 'message')) as [Buffer];
    assert.match(hello.toString(), /"is":"hello".*"mayWrite":true/);
    stream.terminate();
    const ran = await run('horseshoe', 'console', 'board-01', '--download', '-');
    assert.deepEqual([ran.exit, ran.out], [0, said.toString('latin1')], ran.err);
  });

  it('a wrong password, no account and no address are said, and the password is not', async () => {
    const wrong = await run('canary-4711', 'machine', 'list');
    assert.equal(wrong.exit, 4);
    assert.match(wrong.err, /name or password is wrong/);
    assert.ok(!wrong.err.includes('canary'));
    const nobody = await daemon.run(['--at', base, 'machine', 'list']);
    assert.deepEqual([nobody.exit, nobody.err], [2, 'farrier: --at needs --login NAME: the account to log in with\n']);
    const gone = await daemon.run(['--at', 'http://127.0.0.1:9/', '--login', 'a', 'machine', 'list'], { stdin: 'x\n' });
    assert.equal(gone.exit, 1);
    assert.match(gone.err, /no daemon answers at http:\/\/127\.0\.0\.1:9/);
  });

  it('an address is one of a page', () => {
    assert.equal(remoteUrl('https://lab.example/').origin, 'https://lab.example');
    for (const text of ['lab', 'lab:5240', 'ftp://lab/', 'http://me:secret@lab/', ''])
      assert.throws(() => remoteUrl(text), /no address of a page/, text);
  });
});
