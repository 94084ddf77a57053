import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { endChild, ended, hasEnded, saidBy } from '../../lab/child-process.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const LONG_MS = 60_000;
const left: ChildProcess[] = [];

function shell(script: string): ChildProcess {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'pipe'] });
  left.push(child);
  return child;
}

/** One that is deaf to SIGTERM, and has said so; `cat` waits for the end of its input. */
async function deaf(): Promise<ChildProcess> {
  const child = shell(`trap '' TERM; echo deaf; cat`);
  await saidBy(child).has('deaf', LONG_MS);
  return child;
}

describe('children of the lab', () => {
  afterEach(async () => {
    for (const child of left.splice(0)) await endChild(child);
  });

  for (const [how, script] of [
    ['by itself', 'exit 3'],
    ['by a signal', 'kill -9 $$'],
  ] as const)
    it(`one that has ended ${how}, before anybody asked, is not waited for`, async () => {
      const child = shell(script);
      assert.equal(hasEnded(child), false);
      await once(child, 'close');
      assert.equal(hasEnded(child), true);
      await ended(child);
      assert.equal(await endChild(child, { by: 'SIGTERM' }), true);
    });

  it('one that could not be started has ended, and its words say why', async () => {
    const child = spawn('/nowhere/no-such-program');
    const said = saidBy(child);
    await assert.rejects(said.has('up', LONG_MS), /no-such-program ended .*ENOENT/s);
    assert.equal(hasEnded(child), true);
    await ended(child);
    assert.equal(await endChild(child), true);
    assert.match(await said.over(LONG_MS), /ENOENT/);
  });

  it('one that runs is ended by a signal, or by what else it takes', async () => {
    const child = shell('cat');
    assert.equal(await endChild(child, { by: 'SIGTERM', graceMs: LONG_MS }), true);
    assert.equal(child.signalCode, 'SIGTERM');
    const other = shell('cat');
    assert.equal(await endChild(other, { by: () => other.stdin?.end(), graceMs: LONG_MS }), true);
    assert.equal(other.exitCode, 0);
  });

  it('one that is deaf is killed when its grace is over, and that is told', async () => {
    const clock = createFakeClock();
    const child = await deaf();
    const ending = endChild(child, { by: 'SIGTERM', graceMs: 5000, clock });
    clock.advance(4999);
    assert.equal(hasEnded(child), false);
    clock.advance(1);
    assert.equal(await ending, false);
    assert.equal(child.signalCode, 'SIGKILL');
    assert.equal(clock.waiting(), 0, 'no timer is left');
  });

  it('one that stays even so is an error that names it', async () => {
    const clock = createFakeClock();
    const child = await deaf();
    const stays = Object.assign(Object.create(child) as ChildProcess, { kill: () => true });
    const ending = endChild(stays, { clock });
    await assert.rejects(clock.until(ending), new RegExp(`process ${String(child.pid)} did not end`));
  });

  it('what it says is heard on both streams, from the first word on, and waited for', async () => {
    const said = saidBy(shell('echo one; echo two >&2; read line; echo "$line"'));
    await Promise.all([said.has('one', LONG_MS), said.has(/^two$/m, LONG_MS)]);
    left[0]?.stdin?.end('three\n');
    assert.match(await said.has('three', LONG_MS), /one/);
    assert.match(await said.over(LONG_MS), /three\n$/);
    assert.match(await said.has('one', LONG_MS), /two/, 'it may be asked afterwards');
    said.forget();
    await assert.rejects(said.has('one', LONG_MS), /ended \(0\) before it said one/);
  });

  it('words that do not come are an error with those that did, when it ends and when the time is up', async () => {
    const clock = createFakeClock();
    const child = shell('echo so far; cat');
    const said = saidBy(child, { clock });
    await Promise.all([said.has('so far', LONG_MS), once(child, 'spawn')]);
    const late = assert.rejects(said.has('more', 2000), /sh had 2 s before it said more:\nso far$/);
    const still = assert.rejects(said.over(3000), /sh had 3 s before it ended/);
    clock.advance(3000);
    await Promise.all([late, still]);
    const never = assert.rejects(
      said.has(/mo+re/, LONG_MS),
      /sh ended \(SIGKILL\) before it said \/mo\+re\/:\nso far$/,
    );
    await endChild(child);
    await never;
    assert.equal(clock.waiting(), 0, 'no timer is left');
  });

  it('only the end of very much is kept', async () => {
    const said = saidBy(shell('echo 123456789'), { keep: 4 });
    assert.equal(await said.over(LONG_MS), '789\n');
  });
});
