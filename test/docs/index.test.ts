import { strict as assert } from 'node:assert';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pagesIn = (folder: string): readonly string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
    .sort();

const decisions = pagesIn('docs/decisions').filter((page) => !page.endsWith('README.md'));
const pages = [...pagesIn('.'), ...pagesIn('docs'), ...pagesIn('docs/operators'), ...decisions];

describe('the documents', () => {
  it('the README names each page of docs/', () => {
    const readme = read('README.md');
    for (const page of [...pagesIn('docs'), ...pagesIn('docs/operators')])
      assert.ok(readme.includes(`(${page})`), `README.md does not name ${page}`);
  });

  it('links go to files that are there', () => {
    for (const page of pages)
      for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g))
        assert.ok(existsSync(join(ROOT, dirname(page), target)), `${page} links to ${target}`);
  });

  it('decisions are numbered without gaps, and the index has each with its title', () => {
    const index = read('docs/decisions/README.md');
    decisions.forEach((page, nth) => {
      const name = page.slice('docs/decisions/'.length);
      const number = String(nth + 1).padStart(4, '0');
      const title = read(page).split('\n', 1)[0]?.replace('# ', '') ?? '';
      assert.ok(name.startsWith(`${number}-`) && title.startsWith(`${number} `), `${name}, "${title}": not ${number}`);
      assert.ok(index.includes(`\n- [${title}](${name})\n`), `docs/decisions/README.md has no line of ${name}`);
    });
  });

  it('the page on the architecture names files that are there', () => {
    const named = read('ARCHITECTURE.md').matchAll(
      /`((?:server|core|wire|services|files|net|http|agent|test)\/[\w/-]+\.ts)`/g,
    );
    for (const [, file = ''] of named)
      assert.ok(
        existsSync(join(ROOT, file)) || existsSync(join(ROOT, 'server', file)),
        `ARCHITECTURE.md names ${file}`,
      );
  });
});
