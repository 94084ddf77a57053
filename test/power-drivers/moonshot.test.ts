import { strict as assert } from 'node:assert';
import { startPretendMoonshot, type PretendMoonshot } from '../../lab/pretend/moonshot.ts';
import { moonshot } from '../../power-drivers/moonshot.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { hear } from '../support/hear-line.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

describe('the driver moonshot', () => {
  let chassis: PretendMoonshot;
  let base: FieldValues;
  const open = (parameters: FieldValues = {}): PowerHandle => moonshot.open({ ...base, ...parameters }, realEdges);
  beforeEach(async () => {
    chassis = await startPretendMoonshot(realClock);
    const { port, user, password, hostKey } = chassis;
    base = { host: '127.0.0.1', port, user, password, hostKey, node: 'c7n1' };
  });
  afterEach(() => chassis.close());

  it('switches a node on and off and reads it back, in a login of its own each', async () => {
    const handle = open();
    for (const want of ['on', 'off'] as const) {
      await handle.set(want, forever);
      assert.equal(chassis.machine.truth(), want);
      assert.equal(await handle.query(forever), want);
    }
    assert.deepEqual(chassis.commands, [
      'set node power on c7n1',
      'show node power c7n1',
      'set node power off force c7n1',
      'show node power c7n1',
    ]);
    await until('no session is left', () => chassis.open() === 0);
  });

  it('tells what the chassis says of the node', async () => {
    assert.deepEqual(await open().info?.(forever), { 'Product Name': 'ProLiant m400 Server Cartridge' });
  });

  it('names the key of a chassis that is not pinned, and does not log in', async () => {
    const error = await failureOf(open({ hostKey: '' }).query(forever));
    assert.equal(error.code, 'config');
    assert.ok(error.message.includes(`${chassis.hostKey}; if it is the host's own, enter it as "hostKey"`));
    assert.deepEqual(chassis.logins, []);
  });

  it('says nothing to a chassis with another key than the pinned one', async () => {
    const error = await failureOf(open({ hostKey: `SHA256:${'A'.repeat(43)}` }).query(forever));
    assert.equal(error.code, 'auth');
    assert.deepEqual(chassis.logins, []);
  });

  for (const method of ['password', 'keyboard-interactive'] as const) {
    it(`logs in by ${method}`, async () => {
      chassis.methods = [method];
      assert.equal(await open().query(forever), 'off');
    });

    it(`offers a wrong password once, by ${method}, and keeps it to itself`, async () => {
      chassis.methods = [method];
      const error = await failureOf(open({ password: 'wr0ng-s3cret' }).query(forever));
      assert.equal(error.code, 'auth');
      assert.deepEqual(chassis.logins, ['none', method]);
      assert.ok(!error.message.includes('wr0ng-s3cret'));
    });
  }

  it('logs in with a key whose line breaks were lost', async () => {
    const rest = { ...base, password: '' };
    const privateKey = chassis.privateKey.replace(/\n/g, ' ');
    assert.equal(await moonshot.open({ ...rest, privateKey }, realEdges).query(forever), 'off');
    assert.deepEqual(chassis.logins.slice(0, 2), ['none', 'publickey']);
    const unreadable = moonshot.open({ ...rest, privateKey: 'no key' }, realEdges);
    const error = await failureOf(unreadable.query(forever));
    assert.equal(error.code, 'config');
    assert.ok(!error.message.includes('no key'));
  });

  it('needs a password or a key', async () => {
    assert.equal((await failureOf(open({ password: '' }).query(forever))).code, 'config');
  });

  it('a node that is not there is refused in the words of the chassis', async () => {
    const error = await failureOf(open({ node: 'c9n1' }).set('on', forever));
    assert.equal(error.code, 'refused');
    assert.match(error.message, /c9n1 is not present/);
    assert.equal((await failureOf(open({ node: 'c9n1' }).query(forever))).code, 'refused');
  });

  it('half an answer is no state, a flood is ended', async () => {
    chassis.machine.how = 'half';
    assert.equal((await failureOf(open().query(forever))).code, 'refused');
    chassis.machine.how = 'flood';
    assert.match((await failureOf(open().query(forever))).message, /says more than 65536 octets/);
    await until('no session is left', () => chassis.open() === 0);
  });

  it('a silent chassis ends when nobody waits any more, an absent one at once', async () => {
    chassis.machine.how = 'silent';
    const stop = new AbortController();
    const asked = failureOf(open().query(stop.signal));
    await until('it is asked', () => chassis.open() === 1);
    stop.abort();
    assert.equal((await asked).code, 'timeout');
    await until('no session is left', () => chassis.open() === 0);
    assert.equal((await failureOf(open().query(AbortSignal.abort()))).code, 'timeout');
    await chassis.close();
    assert.equal((await failureOf(open().query(forever))).code, 'unreachable');
  });

  for (const [title, parameters] of [
    ['a node with a command in it', { node: 'c7n1; reset cm' }],
    ['a node of no cartridge', { node: 'c0n1' }],
    ['a key that is no SHA-256', { hostKey: 'MD5:aa' }],
  ] as const)
    it(`refuses ${title}`, () => {
      assert.throws(() => open(parameters), { code: 'config' });
    });

  describe('console', () => {
    it('gives the octets of the serial port, takes keys, and leaves nothing behind', async () => {
      const line = await open().console?.(forever);
      assert.ok(line);
      const heard = hear(line);
      await heard.has('board: first words');
      assert.ok(!heard.octets().includes('hpiLO'), "the chassis manager's own words are not the board's");
      const all = Buffer.from(Uint8Array.from({ length: 256 }, (_, at) => at));
      chassis.say(all);
      await heard.has(all);
      await line.write(Buffer.from('root\r'));
      await until('keys arrive', () => chassis.typed().equals(Buffer.from('root\r')));
      await line.close();
      await until('no session is left', () => chassis.open() === 0);
    });

    it('does not let a typist out into the chassis', async () => {
      const line = await open().console?.(forever);
      assert.ok(line);
      hear(line);
      for (const keys of ['a\u001b(b', '\u001b', '((', '\u001b[A(']) await line.write(Buffer.from(keys));
      const wanted = Buffer.from('a\u001bb\u001b\u001b[A(');
      await until('keys arrive', () => chassis.typed().length >= wanted.length);
      assert.deepEqual(chassis.typed(), wanted);
      await line.close();
    });

    it('says when another session has the port, and when the node is not there', async () => {
      chassis.isPortTaken = true;
      assert.equal((await failureOf(open().console?.(forever))).code, 'busy');
      assert.match((await failureOf(open({ node: 'c9n1' }).console?.(forever))).message, /not present/);
      await until('no session is left', () => chassis.open() === 0);
    });
  });
});
