import { strict as assert } from 'node:assert';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../../lab/netns.ts';
import type { EnlistService } from '../../server/services/enlist.ts';
import { layHttpLab } from '../support/http-lab.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';

/** The shell example of the page, as it stands there. */
async function example(): Promise<string> {
  const page = await readFile(new URL('../../docs/boot-signals.md', import.meta.url), 'utf8');
  const script = /```sh\n([^`]*)```/.exec(page)?.[1];
  assert.ok(script);
  return script;
}

describe('the shell example of boot signals', () => {
  it('tells the signal and the arguments with the token of the command line; without them it does nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'farrier-signal-'));
    const heard: unknown[] = [];
    const agentSignal: EnlistService['agentSignal'] = (token, _from, signal, raw) => {
      heard.push([token, signal, Buffer.from(raw['cmdline.b64'] ?? '', 'base64').toString()]);
      return Promise.resolve({ is: 'forbidden', because: 'this lab takes no signals' });
    };
    const lab = layHttpLab((deps) => ({ enlist: { ...deps.enlist, agentSignal } }));
    try {
      const [script, words] = [join(folder, 'farrier-signal'), join(folder, 'cmdline')];
      await writeFile(script, await example());
      const run = (signal: string): Promise<string> => tool('env', [`CMDLINE=${words}`, 'sh', script, signal]);
      await writeFile(words, 'quiet root=/dev/sda1\n');
      await run('booted');
      assert.deepEqual(heard, []);
      const cmdline = `quiet farrier.url=${await lab.listen('tcp')} farrier.token=${TOKEN}`;
      await writeFile(words, `${cmdline}\n`);
      await assert.rejects(run('booted'), 'a refusal is an exit code');
      assert.deepEqual(heard, [[TOKEN, 'booted', cmdline]]);
    } finally {
      await lab.close();
      await rm(folder, { recursive: true });
    }
  });
});
