import { strict as assert } from 'node:assert';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSiteCatalogue } from '../../server/daemon/site-catalogue.ts';
import { inTempFolder } from '../support/archives.ts';

const pattern = (name: string): string => `patterns:\n  - { name: ${name}, text: 'ready now', says: it is ready }\n`;

describe('the catalogue of a site', () => {
  it('reads console patterns again when their file has changed, and not otherwise', async () => {
    await inTempFolder(async (folder) => {
      const file = join(folder, 'console-patterns.yaml');
      await writeFile(file, pattern('first'));
      const catalogue = openSiteCatalogue(join(folder, 'none'), [folder]);
      const names = (): readonly string[] => catalogue.consolePatterns().map(({ name }) => name);
      const before = catalogue.consolePatterns();
      assert.deepEqual(names(), ['first']);
      assert.equal(catalogue.refresh(), false);
      assert.equal(catalogue.consolePatterns(), before);
      await writeFile(file, pattern('another'));
      catalogue.refresh();
      assert.deepEqual(names(), ['another']);
      await rm(file);
      catalogue.refresh();
      assert.deepEqual(names(), []);
    });
  });
});
