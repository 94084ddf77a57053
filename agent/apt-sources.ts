import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';

interface Source {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy: string | undefined;
}

/**
 * The host's own Debian sources as deb822 text (sources.list(5)), for use with another architecture: binary packages
 * of the release the host runs; third parties' sources, which seldom have other architectures, stay out.
 * `etc` is where `apt/` and `os-release` lie.
 * @throws BuildError `apt` when none is left, with what to write instead.
 */
export async function foreignSources(etc = '/etc'): Promise<string> {
  const codename = /^VERSION_CODENAME=["']?([a-z]+)/m.exec(await textOf(join(etc, 'os-release')))?.[1] ?? 'bookworm';
  const folder = join(etc, 'apt', 'sources.list.d');
  const names = (await readdir(folder).catch(() => [])).sort();
  const oneLine = await Promise.all(
    [
      join(etc, 'apt', 'sources.list'),
      ...names.filter((name) => name.endsWith('.list')).map((name) => join(folder, name)),
    ].map(textOf),
  );
  const deb822 = await Promise.all(
    names.filter((name) => name.endsWith('.sources')).map((name) => textOf(join(folder, name))),
  );
  const own = [...oneLine.flatMap(readOneLine), ...deb822.flatMap(readDeb822)].flatMap((source) =>
    forRelease(source, codename),
  );
  if (own.length > 0) return own.map(writeDeb822).join('\n');
  throw new BuildError(
    'apt',
    `no source of ${codename} among the host's apt sources; add the distribution's own archive to ${folder}`,
  );
}

/**
 * The same sources with Debian 13 in place of Debian 12, for what Debian 12 does not have yet; unchanged on a newer host.
 * The archives' keyring of Debian 12 knows the key of Debian 13.
 * @throws BuildError as `foreignSources`.
 */
export async function newerSources(etc = '/etc'): Promise<string> {
  return (await foreignSources(etc)).replace(/^Suites: .*$/gm, (line) => line.replaceAll('bookworm', 'trixie'));
}

const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const words = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean);

function forRelease(source: Source, codename: string): readonly Source[] {
  const parts = [codename, `${codename}-updates`, `${codename}-security`];
  const suites = source.suites.filter((suite) => parts.includes(suite));
  const components = source.components.filter((component) => component === 'main');
  return suites.length > 0 && components.length > 0 ? [{ ...source, suites, components }] : [];
}

function readOneLine(text: string): readonly Source[] {
  return text.split('\n').flatMap((line) => {
    const found = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (!found) return [];
    const [, options = '', uri = '', suite = '', components = ''] = found;
    const signedBy = /signed-by=(\S+)/i.exec(options)?.[1];
    return [{ uris: [uri], suites: [suite], components: words(components), signedBy }];
  });
}

function readDeb822(text: string): readonly Source[] {
  const withoutNotes = text.replace(/^#.*\n?/gm, '');
  return withoutNotes.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (key: string): string | undefined =>
      new RegExp(`^${key}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1]?.trim();
    if (!words(field('Types') ?? '').includes('deb') || /^no$/i.test(field('Enabled') ?? '')) return [];
    const list = (key: string): readonly string[] => words(field(key) ?? '');
    return [
      { uris: list('URIs'), suites: list('Suites'), components: list('Components'), signedBy: field('Signed-By') },
    ];
  });
}

function writeDeb822(source: Source): string {
  const signed = source.signedBy === undefined ? [] : [`Signed-By: ${source.signedBy}`];
  const lines = [
    'Types: deb',
    `URIs: ${source.uris.join(' ')}`,
    `Suites: ${source.suites.join(' ')}`,
    `Components: ${source.components.join(' ')}`,
    ...signed,
  ];
  return `${lines.join('\n')}\n`;
}
