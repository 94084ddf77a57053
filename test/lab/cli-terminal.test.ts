import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MODULE = fileURLToPath(new URL('../../server/cli/terminal.ts', import.meta.url));
const PROGRAM = `
  import { createTerminal } from ${JSON.stringify(MODULE)};
  const terminal = createTerminal(process, process.env);
  const answer = await terminal.askSecret('Password: ');
  terminal.writeOut(answer === 'canary-4711' ? 'understood\\n' : 'misheard\\n');
`;

describe('a password at a real terminal', () => {
  it('is understood, and never shown', async () => {
    // script(1) gives the program a terminal of its own and shows all that appears on it.
    const program = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', '"$PROGRAM"'].join(' ');
    const child = spawn('script', ['-qfec', program, '/dev/null'], {
      env: { ...process.env, PROGRAM, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.on('data', (piece: Buffer) => {
      const asked = shown.includes('Password: ');
      shown += piece.toString();
      if (!asked && shown.includes('Password: ')) child.stdin.write('canary-4711\r');
    });
    await once(child, 'close');
    assert.equal(shown.replaceAll('\r', ''), 'Password: \nunderstood\n');
  });
});
