import { strict as assert } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSiteBoards } from '../../server/files/site-boards.ts';

describe("the site's own boards", () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-site-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('a new board is a folder with a file, and is never written over', async () => {
    const site = createSiteBoards(folder);
    const file = join(folder, 'bench', 'board.yaml');
    assert.deepEqual(await site.write('bench', 'title: Bench\n'), { ok: true, value: file });
    const again = await site.write('bench', 'title: Other\n');
    assert.ok(!again.ok && again.error.includes(`${file} is there already`));
    assert.equal(readFileSync(file, 'utf8'), 'title: Bench\n');
  });

  it('without a folder, or with one that cannot be written, the remedy is named', async () => {
    const none = await createSiteBoards(undefined).write('bench', '');
    assert.ok(!none.ok && /under "boards:" in farrier\.yaml/.test(none.error));
    writeFileSync(join(folder, 'file'), '');
    const blocked = await createSiteBoards(join(folder, 'file')).write('bench', '');
    assert.ok(!blocked.ok && /cannot be written \(ENOTDIR\)/.test(blocked.error));
  });
});
