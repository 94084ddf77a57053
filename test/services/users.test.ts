import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { nodePasswordCrypto } from '../../server/edges/password-crypto.ts';
import type { PasswordCrypto } from '../../server/ports/password-crypto.ts';
import { createUserService, SESSION_S, type UserService } from '../../server/services/users.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';

/** scrypt's place is taken by SHA-256: the rules are tested here, the real function once at the end. */
function createQuickCrypto(): PasswordCrypto & { readonly asked: () => number } {
  let asked = 0;
  return {
    ...nodePasswordCrypto,
    asked: () => asked,
    scrypt: (password, salt) => {
      asked += 1;
      return Promise.resolve(createHash('sha256').update(salt).update(password).digest());
    },
  };
}

const PASSWORD = 'correct horse';
const rng = { octets: (count: number): Uint8Array => randomBytes(count) };

describe('users', () => {
  let clock: FakeClock;
  let store: ReturnType<typeof createMemoryStore>;
  let crypto: ReturnType<typeof createQuickCrypto>;
  let users: UserService;

  beforeEach(async () => {
    clock = createFakeClock();
    store = createMemoryStore(clock);
    crypto = createQuickCrypto();
    users = createUserService({ store, clock, rng, crypto });
    await users.add({ name: 'alice', role: 'admin' }, PASSWORD, 'socket');
  });

  const login = (password = PASSWORD, name = 'alice', from = '192.0.2.1') => users.login(name, password, from);
  const enter = async (name = 'alice'): Promise<string> => {
    const outcome = await login(PASSWORD, name);
    assert.ok(outcome.is === 'done');
    return outcome.cookie;
  };
  const texts = async (): Promise<readonly string[]> =>
    (await store.events.list({ limit: 100 })).map((event) => event.text);

  it('there is no account to begin with', async () => {
    const empty = createUserService({ store: createMemoryStore(clock), clock, rng, crypto });
    assert.deepEqual(await empty.list(), []);
    for (const password of ['', 'admin', 'password', 'farrier'])
      assert.equal((await empty.login('admin', password, 'local')).is, 'refused');
  });

  it('logs in with the password, and the session says who and which role', async () => {
    const cookie = await enter();
    assert.match(cookie, /^[0-9a-f]{64}$/);
    assert.deepEqual(await users.session(cookie), { name: 'alice', role: 'admin' });
    assert.notEqual(await enter(), cookie);
  });

  it('stores neither the password nor the cookie, and tells neither', async () => {
    const cookie = await enter();
    await login('wrong-canary');
    await login(PASSWORD, 'a-password-in-the-name-field');
    const user = await store.users.byName('alice');
    assert.match(user?.passwordHash ?? '', /^scrypt\$15\$8\$1\$[0-9a-f]{32}\$[0-9a-f]{64}$/);
    assert.equal(await store.users.session(cookie), undefined);
    const told = (await texts()).join('\n');
    for (const secret of [PASSWORD, cookie, 'wrong-canary', 'name-field']) assert.ok(!told.includes(secret));
    assert.match(told, /a log-in as "alice" from 192\.0\.2\.1 was refused/);
    assert.match(told, /a log-in with an unknown name from 192\.0\.2\.1 was refused/);
  });

  it('the same password of two accounts has two hashes', async () => {
    await users.add({ name: 'bob', role: 'viewer' }, PASSWORD, 'socket');
    const hashes = (await store.users.list()).map((user) => user.passwordHash.split('$').at(-1));
    assert.equal(new Set(hashes).size, 2);
  });

  for (const password of ['', ' ', PASSWORD.toUpperCase(), `${PASSWORD} `, `${PASSWORD}\u0000`, PASSWORD.slice(1)])
    it(`refuses ${JSON.stringify(password)}`, async () => {
      assert.deepEqual(await login(password), { is: 'refused', because: 'the name or the password is wrong' });
    });

  it('an unknown name costs the same work and gets the same answer as a wrong password', async () => {
    const before = crypto.asked();
    assert.deepEqual(await login(PASSWORD, 'nobody'), await login('wrong'));
    assert.equal(crypto.asked() - before, 2);
  });

  for (const hash of ['', '-1', 'null', 'scrypt$15$8$1$$', `scrypt$15$8$1$${'0'.repeat(32)}$`])
    it(`a damaged hash (${JSON.stringify(hash)}) matches no password`, async () => {
      await store.users.put({ name: 'eve', role: 'admin', passwordHash: hash, epoch: 1 }, []);
      for (const password of ['', '-1', 'null', hash, PASSWORD])
        assert.equal((await login(password, 'eve')).is, 'refused');
    });

  it('ten tries in five minutes, then the time left, even for the right password; then again', async () => {
    for (let n = 0; n < 10; n++) {
      assert.equal((await login('wrong')).is, 'refused');
      clock.advance(1000);
    }
    assert.deepEqual(await login(), { is: 'too-many', waitS: 290 });
    assert.equal((await login(PASSWORD, 'alice', '192.0.2.2')).is, 'done', 'another address is not locked out');
    clock.advance(289_000);
    assert.deepEqual(await login(), { is: 'too-many', waitS: 1 });
    clock.advance(1000);
    assert.equal((await login()).is, 'done');
  });

  it('tries sent all at once are counted too', async () => {
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => login('wrong')));
    assert.ok(outcomes.filter((outcome) => outcome.is === 'refused').length <= 10);
  });

  it('a good log-in forgets the bad ones before it', async () => {
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 9; n++) await login('wrong');
      assert.equal((await login()).is, 'done');
    }
  });

  it('many names from one address are stopped as well, and what is written down is bounded', async () => {
    const outcomes = [];
    for (let n = 0; n < 100; n++) outcomes.push((await login('wrong', `name${String(n)}`)).is);
    assert.equal(outcomes.filter((is) => is === 'refused').length, 60);
    assert.equal((await texts()).filter((text) => text.includes('refused')).length, 60);
  });

  it('a jump of the wall clock opens no window', async () => {
    for (let n = 0; n < 10; n++) await login('wrong');
    clock.jump(10 * 365 * 86_400_000);
    assert.equal((await login()).is, 'too-many');
  });

  it('a session ends by time and by logging out', async () => {
    const [first, second] = [await enter(), await enter()];
    await users.logout(first);
    assert.equal(await users.session(first), undefined);
    clock.advance(SESSION_S * 1000 - 1);
    assert.equal((await users.session(second))?.name, 'alice');
    clock.advance(1);
    assert.equal(await users.session(second), undefined);
  });

  it('a new password or role ends the sessions; the role is read at each call', async () => {
    await users.add({ name: 'bob', role: 'viewer' }, PASSWORD, 'socket');
    const before = await enter('bob');
    assert.deepEqual(await users.change('bob', { role: 'operator' }, 'alice'), { is: 'done' });
    assert.equal(await users.session(before), undefined);
    const after = await enter('bob');
    assert.equal((await users.session(after))?.role, 'operator');
    await users.change('bob', { password: 'another horse' }, 'alice');
    assert.equal(await users.session(after), undefined);
    assert.equal((await login(PASSWORD, 'bob')).is, 'refused');
    assert.equal((await login('another horse', 'bob')).is, 'done');
    assert.ok((await texts()).includes('alice changed the password of "bob"'));
  });

  it('a session of a removed account is over, also when the name comes back', async () => {
    await users.add({ name: 'bob', role: 'viewer' }, PASSWORD, 'socket');
    const cookie = await enter('bob');
    assert.deepEqual(await users.remove('bob', 'alice'), { is: 'done' });
    assert.equal(await users.session(cookie), undefined);
    await users.add({ name: 'bob', role: 'admin' }, PASSWORD, 'socket');
    assert.equal(await users.session(cookie), undefined);
  });

  for (const junk of ['', 'null', 'undefined', '0'.repeat(64), '0'.repeat(63), `${'0'.repeat(64)} `, '-1'])
    it(`no session behind ${JSON.stringify(junk.slice(0, 8))} (${String(junk.length)} letters)`, async () => {
      await enter();
      assert.equal(await users.session(junk), undefined);
    });

  const refusals: readonly (readonly [string, string, string, string])[] = [
    ['Alice', PASSWORD, 'bad-value', 'name'],
    ['', PASSWORD, 'bad-value', 'name'],
    ['../x', PASSWORD, 'bad-value', 'name'],
    ['x'.repeat(33), PASSWORD, 'bad-value', 'name'],
    ['socket', PASSWORD, 'bad-value', 'name'],
    ['bob', 'short', 'bad-value', 'password'],
    ['bob', 'x'.repeat(1025), 'bad-value', 'password'],
    ['bob', 'Bob-12345', 'bad-value', 'password'],
    ['alice', PASSWORD, 'taken', ''],
  ];
  for (const [name, password, is, field] of refusals)
    it(`adds no "${name.slice(0, 10)}" with "${password.slice(0, 13)}": ${is} ${field}`, async () => {
      const outcome = await users.add({ name, role: 'viewer' }, password, 'socket');
      assert.equal(outcome.is, is);
      assert.equal(outcome.is === 'bad-value' ? outcome.field : '', field);
      assert.deepEqual(await users.list(), [{ name: 'alice', role: 'admin' }]);
    });

  it('of two that add one name at once, one is told that it is taken', async () => {
    const both = await Promise.all([
      users.add({ name: 'bob', role: 'admin' }, PASSWORD, 'socket'),
      users.add({ name: 'bob', role: 'viewer' }, 'another horse', 'socket'),
    ]);
    assert.deepEqual(
      both.map((outcome) => outcome.is),
      ['done', 'taken'],
    );
    assert.equal((await store.users.byName('bob'))?.role, 'admin');
  });

  it('the right to consoles is apart from the role, and a change ends the sessions', async () => {
    await users.add({ name: 'dora', role: 'viewer', console: 'read' }, PASSWORD, 'socket');
    const login = await users.login('dora', PASSWORD, '10.0.0.9');
    const cookie = login.is === 'done' ? login.cookie : '';
    assert.deepEqual(await users.session(cookie), { name: 'dora', role: 'viewer', console: 'read' });
    await users.change('dora', { console: 'write' }, 'alice');
    assert.equal(await users.session(cookie), undefined);
    await users.change('dora', { role: 'operator' }, 'alice');
    assert.equal((await users.list()).find(({ name }) => name === 'dora')?.console, 'write', 'what is not named stays');
    await users.change('dora', { console: null }, 'alice');
    assert.equal((await users.list()).find(({ name }) => name === 'dora')?.console, undefined);
  });

  it('the last admin goes by the socket only; unknown names are told', async () => {
    assert.equal((await users.remove('alice', 'alice')).is, 'refused');
    assert.equal((await users.change('alice', { role: 'viewer' }, 'alice')).is, 'refused');
    assert.equal((await users.change('alice', { role: 'admin', console: 'none' }, 'alice')).is, 'done');
    assert.equal((await users.remove('nobody', 'socket')).is, 'unknown-user');
    assert.equal((await users.change('nobody', { role: 'admin' }, 'socket')).is, 'unknown-user');
    assert.equal((await users.change('alice', { password: 'x' }, 'socket')).is, 'bad-value');
    assert.equal((await users.remove('alice', 'socket')).is, 'done');
    assert.deepEqual(await users.list(), []);
  });

  it('the real scrypt: RFC 7914 §12, and a log-in with it', async () => {
    const salt = new TextEncoder().encode('SodiumChloride');
    const key = await nodePasswordCrypto.scrypt('pleaseletmein', salt, { logN: 14, r: 8, p: 1 });
    const wanted = '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2';
    assert.equal(Buffer.from(key).toString('hex'), wanted);
    assert.ok(!nodePasswordCrypto.equal(key, key.subarray(1)));
    const real = createUserService({ store, clock, rng, crypto: nodePasswordCrypto });
    await real.add({ name: 'carol', role: 'viewer' }, PASSWORD, 'socket');
    assert.equal((await real.login('carol', PASSWORD, 'local')).is, 'done');
    assert.equal((await real.login('carol', 'wrong', 'local')).is, 'refused');
  });
});
