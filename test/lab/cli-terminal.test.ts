import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endChild, saidBy } from '../../lab/child-process.ts';

const MODULE = fileURLToPath(new URL('../../server/cli/terminal.ts', import.meta.url));
const PROGRAM = `
  import { createTerminal } from ${JSON.stringify(MODULE)};
  const terminal = createTerminal(process, process.env);
  const answer = await terminal.askSecret('Password: ');
  terminal.writeOut(answer === 'canary-4711' ? 'understood\\n' : 'misheard\\n');
`;

/** Far longer than it takes: the host may be busy. */
const SOON_MS = 60_000;

describe('a password at a real terminal', function () {
  this.timeout(150_000);
  it('is understood, and never shown', async () => {
    // script(1) gives the program a terminal of its own and shows all that appears on it.
    const program = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', '"$PROGRAM"'].join(' ');
    const child = spawn('script', ['-qfec', program, '/dev/null'], {
      env: { ...process.env, PROGRAM, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const said = saidBy(child);
    try {
      await said.has('Password: ', SOON_MS);
      child.stdin.write('canary-4711\r');
      const shown = await said.over(SOON_MS);
      assert.equal(shown.replaceAll('\r', ''), 'Password: \nunderstood\n');
    } finally {
      await endChild(child);
    }
  });
});
