import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { openProgramLine } from '../../power-drivers/common/program-line.ts';
import { createPowerDrivers } from '../../power-drivers/index.ts';
import { KIT_RULES } from '../../server/services/driver-kit/run-kit.ts';
import { createDriverFolder } from '../support/driver-folder.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { createQuietLog } from '../support/quiet-log.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/power-drivers.md');

describe('the page on power drivers', () => {
  it('has every rule with its sentence, in the order in which they are judged', () => {
    const rules = page.slice(page.indexOf('## Does it keep the rules?'), page.indexOf('## A pretend device beside it'));
    const rows = [...rules.matchAll(/^\| `([a-z-]+)` \| (.+?) \| .+ \|$/gm)].map(([, name, sentence]) => ({
      name,
      sentence,
    }));
    assert.deepEqual(
      rows,
      KIT_RULES.map(({ name, sentence }) => ({ name, sentence })),
    );
  });

  it('has every driver that comes with Farrier', async () => {
    const drivers = await createPowerDrivers([], { ...realEdges, log: createQuietLog() });
    drivers.close();
    const table = page.slice(page.indexOf('## Drivers that come with Farrier'));
    for (const { name } of drivers.list()) assert.ok(table.includes(`\`${name}\``), name);
  });

  it('shows a pretend device that works', async () => {
    const text = page.slice(page.indexOf('## A pretend device beside it'));
    const [, shell = ''] = /```sh\n([^`]+)```/.exec(text) ?? [];
    const folder = await createDriverFolder();
    const path = await folder.drop('x.pretend', shell);
    const deadlines = { readyMs: 10_000, answerMs: 10_000 };
    const line = await openProgramLine({ path, args: [], folder: folder.path, name: 'it' }, deadlines, realEdges);
    const asked = ['truth', 'misbehave lies', 'misbehave gone', 'misbehave not', 'truth', 'seen', 'refused'];
    const answers = await Promise.all(asked.map((words) => line.ask(words)));
    await line.close();
    await folder.remove();
    assert.deepEqual(line.opening, [`parameter relay=${folder.path}/relay`]);
    assert.deepEqual(answers, ['off', 'cannot', 'ok', 'ok', 'off', 'cannot', 'cannot']);
  });

  it('shows the example as it is', () => {
    assert.ok(page.includes(read('power-drivers/examples/line-pdu').trimEnd()));
  });
});
