import { strict as assert } from 'node:assert';
import { PassThrough } from 'node:stream';
import { createTerminal } from '../../server/cli/terminal.ts';

/** A pretend terminal: what is written to it, and whether its echo is off. */
function createPretend(tty = true) {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: tty, setRawMode: (on: boolean) => raw.push(on) });
  const written: string[] = [];
  const sink = { isTTY: tty, write: (text: string) => written.push(text) };
  return { stdin, raw, written, make: (env = {}) => createTerminal({ stdin, stdout: sink, stderr: sink }, env) };
}

describe('terminal', () => {
  it('asks with the echo off, and puts it back', async () => {
    const { stdin, raw, written, make } = createPretend();
    const answer = make().askSecret('Password: ');
    stdin.write('geh');
    stdin.write(Buffer.from('eim\u00e9').subarray(0, 4));
    stdin.write(Buffer.from('\u00e9').subarray(1));
    stdin.write('\r');
    assert.equal(await answer, 'geheim\u00e9');
    assert.deepEqual(raw, [true, false]);
    assert.deepEqual(written, ['Password: ', '\n']);
  });

  it('a letter is rubbed out whole, and rubbing out nothing is nothing', async () => {
    const { stdin, make } = createPretend();
    const answer = make().askSecret('');
    stdin.write('\u007fa\u{1f512}\u007fb\bc\n');
    assert.equal(await answer, 'ac');
  });

  it('what is typed ahead answers the next question', async () => {
    const { stdin, make } = createPretend();
    const terminal = make();
    stdin.write('one\ntwo\n');
    assert.equal(await terminal.askSecret('1'), 'one');
    assert.equal(await terminal.askSecret('2'), 'two');
  });

  it('Ctrl-D ends an answer; Ctrl-C and a terminal that goes away end the command', async () => {
    const { stdin, raw, make } = createPretend();
    const terminal = make();
    stdin.write('x\u0004');
    assert.equal(await terminal.askSecret(''), 'x');
    stdin.write('y\u0003');
    await assert.rejects(terminal.askSecret(''), /interrupted/);
    const asked = terminal.askSecret('');
    stdin.end();
    await assert.rejects(asked, /went away/);
    assert.equal(raw.at(-1), false);
  });

  it('reads a pipe to its end', async () => {
    const { stdin, make } = createPretend(false);
    const text = make().readStdin();
    stdin.write(Buffer.from([0xc3]));
    stdin.end(Buffer.from([0xa9]));
    assert.equal(await text, '\u00e9');
  });

  const cases: readonly (readonly [boolean, Record<string, string>, boolean])[] = [
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ];
  for (const [tty, env, colour] of cases)
    it(`colour on ${tty ? 'a terminal' : 'a pipe'} with ${JSON.stringify(env)}: ${String(colour)}`, () => {
      const terminal = createPretend(tty).make(env);
      assert.deepEqual([terminal.colour, terminal.canAsk], [colour, tty]);
    });
});
