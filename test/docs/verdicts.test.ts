import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { BOOT_DEADLINES } from '../../server/core/boot-verdict.ts';
import { VERDICT_RULES } from '../../server/core/verdict.ts';

const page = readFileSync(new URL('../../docs/verdicts.md', import.meta.url), 'utf8');

describe('the page of verdicts', () => {
  it('has a row for every signature, in the order in which they are looked for', () => {
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
    assert.deepEqual(
      rows,
      VERDICT_RULES.map((rule) => rule.id),
    );
  });

  it('has the deadlines as they are', () => {
    for (const [name, seconds] of Object.entries(BOOT_DEADLINES))
      assert.ok(page.includes(`\`${name}\` ${String(seconds)}`), name);
  });
});
