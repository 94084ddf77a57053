import { strict as assert } from 'node:assert';
import { ipmi } from '../../power-drivers/ipmi.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { ConsoleError, type ConsoleLine } from '../../server/ports/console.ts';
import { PowerError } from '../../server/ports/power-driver.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc, type TestBmc } from '../support/bmc-rack.ts';
import { createBoardSerial, type BoardSerial } from '../support/board-serial.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { collect } from '../support/line-octets.ts';

describe('the ipmi driver’s console', () => {
  let bmc: TestBmc;
  let board: BoardSerial;
  beforeEach(async () => {
    board = createBoardSerial();
    bmc = await startTestBmc({ serial: board });
  });
  afterEach(() => bmc.stop());

  const open = async (change: FieldValues = {}): Promise<ConsoleLine> => {
    const { address: host, port } = bmc;
    const login = { host, port, user: BMC_USER, password: BMC_PASSWORD, ...change };
    const line = await ipmi.open(login, realEdges).console?.(AbortSignal.timeout(10_000));
    return line ?? assert.fail();
  };
  const powerError = (code: string, words: RegExp) => (error: unknown) => {
    assert.ok(error instanceof PowerError, String(error));
    assert.ok(!error.message.includes(BMC_PASSWORD));
    return error.code === code && words.test(error.message);
  };

  for (const cipherSuite of ['3', '17'])
    it(`cipher suite ${cipherSuite}: octets and breaks go through, and no session stays behind`, async () => {
      const line = await open({ cipherSuite });
      const said = Uint8Array.from({ length: 3000 }, (_, at) => (at * 11) & 255);
      board.say(said);
      assert.deepEqual(await collect(line, said.length), Buffer.from(said));
      await line.write(Buffer.from('first '));
      await Promise.all([line.write(Buffer.from('second ')), line.sendBreak?.(), line.write(Buffer.from('third'))]);
      await line.write(new Uint8Array(0));
      assert.equal(board.told().toString(), 'first second third');
      assert.equal(board.breaks(), 1);
      await line.close();
      await line.close();
      assert.equal(await line.ended, 'closed');
      assert.equal(bmc.sessions(), 0);
      await assert.rejects(line.write(Buffer.from('x')), ConsoleError);
    });

  it('what the board says before anybody listens is kept', async () => {
    const line = await open();
    board.say(Buffer.from('from the first octet'));
    await line.write(Buffer.from('x'));
    assert.equal((await collect(line, 20)).toString(), 'from the first octet');
    await line.close();
  });

  it('in use by another session: busy, with the remedy; "take" takes it and the other line ends', async () => {
    const first = await open();
    await assert.rejects(open(), powerError('busy', /in use by another session.*solInUse/));
    const second = await open({ solInUse: 'take' });
    assert.match(await first.ended, /another session took it/);
    await second.write(Buffer.from('mine'));
    assert.equal(board.told().toString(), 'mine');
    await second.close();
    assert.equal(bmc.sessions(), 0);
  });

  it('a BMC without serial over LAN says no, and its session is closed', async () => {
    await bmc.stop();
    bmc = await startTestBmc();
    await assert.rejects(open(), powerError('refused', /does not know this command/));
    assert.equal(bmc.sessions(), 0);
  });

  it('a wrong password is auth', async () => {
    await assert.rejects(open({ password: 'wrong' }), powerError('auth', /wrong password/));
  });

  it('a BMC that names another port: refused with the remedy, and nothing stays active', async () => {
    await bmc.stop();
    bmc = await startTestBmc({ serial: board, solPort: 5555 });
    await assert.rejects(open(), powerError('refused', /UDP port 5555; set it to the port of its sessions/));
    assert.equal(bmc.sessions(), 0);
  });

  it('the opening ends when nobody waits any more', async () => {
    bmc.fault('silent');
    const stop = new AbortController();
    const { address: host, port } = bmc;
    const handle = ipmi.open({ host, port, user: BMC_USER, password: BMC_PASSWORD }, realEdges);
    const opening = handle.console?.(stop.signal) ?? Promise.resolve();
    stop.abort();
    await assert.rejects(opening, powerError('timeout', /stopped waiting/));
  });

  it('a BMC that stops: the line ends with the reason', async () => {
    const line = await open();
    await bmc.stop();
    await assert.rejects(line.write(Buffer.from('x')), /BMC .*ECONNREFUSED/);
    assert.match(await line.ended, /^BMC .*ECONNREFUSED/);
    bmc = await startTestBmc();
  });
});
