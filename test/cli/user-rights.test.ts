import { strict as assert } from 'node:assert';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';

describe('farrier user: the right to consoles', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
    daemon.on('POST /users', { status: 201, body: { name: 'alice', role: 'admin' } });
  });
  afterEach(() => daemon.close());

  it('add and edit give the right to consoles, apart from the role', async () => {
    daemon.on('PATCH /users/alice', { status: 204 });
    await daemon.run(['user', 'add', 'alice', '--role', 'viewer', '--console', 'read'], { stdin: 'piped in' });
    assert.equal((daemon.got.at(-1)?.body as { console?: string }).console, 'read');
    assert.equal((await daemon.run(['user', 'edit', 'alice', '--console', 'write'])).exit, 0);
    assert.deepEqual(daemon.got.at(-1)?.body, { console: 'write' });
    await daemon.run(['user', 'edit', 'alice', '--console', 'role', '--role', 'admin']);
    assert.deepEqual(daemon.got.at(-1)?.body, { console: null, role: 'admin' });
    await daemon.run(['user', 'edit', 'alice', '--password-file', '-'], { stdin: 'a new one\n' });
    assert.deepEqual(daemon.got.at(-1)?.body, { password: 'a new one' });
    assert.equal((await daemon.run(['user', 'edit', 'alice'])).exit, 2);
  });
});
