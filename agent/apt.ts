import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { foreignSources } from './apt-sources.ts';
import { BuildError } from './build-error.ts';
import { writeWhole } from './write-whole.ts';

/** A package as the signed index of its archive tells of it. */
export interface DebPackage {
  readonly name: string;
  readonly version: string;
  /** Names in its Depends, the first of each alternative. */
  readonly depends: readonly string[];
  readonly sha256: string;
  readonly octets: number;
}

/** An apt that knows one architecture only and touches nothing of the host's. */
export interface Apt {
  /** The newest version of a package. @throws BuildError `no-package` */
  find(name: string): Promise<DebPackage>;
  /** The path of the package file, downloaded unless it is there with the right digest. @throws BuildError `apt` */
  fetch(wanted: DebPackage): Promise<string>;
}

/** Whose packages are wanted, and where they are kept. */
export interface AptOrder {
  readonly arch: 'amd64' | 'arm64' | 'armhf';
  /** Ours; made when absent. Lists and packages stay in it. */
  readonly cacheDir: string;
  /** deb822 text in place of what the host's own sources say. */
  readonly sources?: string;
  /** Told what is under way, a line at a time. */
  readonly say?: (words: string) => void;
}

const run = promisify(execFile);

/**
 * Sets up an apt of our own for a foreign architecture and refreshes its package lists; when that fails (no network, a
 * mirror in the middle of its update) the lists of the last time are used and `say` is told. Needs no rights: nothing
 * is enabled, locked or written outside `cacheDir`. Proxies of the host's apt configuration are kept.
 * @throws BuildError `tool-missing` without apt, `apt` when there are no lists at all.
 */
export async function openApt(order: AptOrder): Promise<Apt> {
  const say = order.say ?? ((): void => undefined);
  const home = join(order.cacheDir, 'apt', order.arch);
  const debs = join(order.cacheDir, 'packages');
  for (const folder of [join(home, 'lists', 'partial'), join(home, 'archives', 'partial'), debs])
    await mkdir(folder, { recursive: true });
  await writeWhole(join(home, 'farrier.sources'), order.sources ?? (await foreignSources()));
  await writeWhole(join(home, 'status'), '');
  await writeWhole(join(home, 'apt.conf'), configuration(order.arch, home));
  const call = (program: string, args: readonly string[], cwd = home): Promise<string> =>
    callApt(program, ['-c', join(home, 'apt.conf'), ...args], cwd);
  say(`refreshing the package lists for ${order.arch}`);
  await call('apt-get', ['-q', 'update']).catch(async (failure: unknown) => {
    const lists = await readdir(join(home, 'lists'));
    if (!lists.some((name) => name.includes('_Packages'))) throw failure;
    const why = failure instanceof Error ? failure.message : '';
    say(`not all package lists could be refreshed; using those of the last time (${why})`);
  });
  return {
    find: async (name) =>
      findPackage(name, order.arch, await call('apt-cache', ['--no-all-versions', 'show', name]).catch(() => '')),
    fetch: (wanted) => fetchPackage(wanted, order.arch, debs, say, call),
  };
}

function configuration(arch: string, home: string): string {
  return [
    // Hooks of the host's configuration would clean or read the host's caches.
    ...['Post-Invoke', 'Post-Invoke-Success', 'Pre-Invoke'].map((hook) => `#clear APT::Update::${hook};`),
    '#clear APT::Architectures;',
    `APT::Architecture "${arch}";`,
    `APT::Architectures { "${arch}"; };`,
    `Dir::State "${home}";`,
    `Dir::State::lists "${join(home, 'lists')}";`,
    `Dir::State::status "${join(home, 'status')}";`,
    `Dir::Cache "${home}";`,
    `Dir::Cache::archives "${join(home, 'archives')}";`,
    `Dir::Etc::sourcelist "${join(home, 'farrier.sources')}";`,
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    // The download user of a root apt cannot write into a folder of ours.
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Acquire::http::Timeout "20";',
    '',
  ].join('\n');
}

async function callApt(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await run(program, [...args], { cwd, maxBuffer: 16 << 20 });
    return stdout;
  } catch (cause) {
    const { code, stderr } = failureOf(cause);
    if (code === 'ENOENT')
      throw new BuildError(
        'tool-missing',
        `cannot run ${program}; agents are built from Debian packages, on Debian or Ubuntu`,
        { cause },
      );
    throw new BuildError('apt', `${program} ${args.at(-1) ?? ''}: ${firstError(stderr)}`, { cause });
  }
}

function failureOf(cause: unknown): { readonly code: unknown; readonly stderr: string } {
  if (typeof cause !== 'object' || cause === null) return { code: undefined, stderr: '' };
  const code = 'code' in cause ? cause.code : undefined;
  return { code, stderr: 'stderr' in cause && typeof cause.stderr === 'string' ? cause.stderr : '' };
}

function firstError(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /^[EW]:/.test(line));
  return (lines[0] ?? stderr.trim().split('\n')[0] ?? '').slice(0, 300) || 'failed without a word';
}

function findPackage(name: string, arch: string, shown: string): DebPackage {
  const stanza = shown.split('\n\n').find((text) => fieldOf(text, 'Package') === name);
  const [version, sha256, size] = ['Version', 'SHA256', 'Size'].map((key) => fieldOf(stanza ?? '', key));
  if (version === undefined || sha256 === undefined || size === undefined)
    throw new BuildError(
      'no-package',
      `the package lists for ${arch} have no ${name}; are main and security among the sources?`,
    );
  const depends = (fieldOf(stanza ?? '', 'Depends') ?? '')
    .split(',')
    .flatMap((each) => /^\s*([^\s|(]+)/.exec(each)?.[1] ?? []);
  return { name, version, depends, sha256, octets: Number(size) };
}

function fieldOf(stanza: string, key: string): string | undefined {
  const line = stanza.split('\n').find((each) => each.startsWith(`${key}: `));
  return line?.slice(key.length + 2).trim();
}

async function fetchPackage(
  wanted: DebPackage,
  arch: string,
  debs: string,
  say: (words: string) => void,
  call: (program: string, args: readonly string[], cwd?: string) => Promise<string>,
): Promise<string> {
  const path = join(debs, `${wanted.name}_${wanted.version.replaceAll(':', '%3a')}_${arch}.deb`);
  if ((await digestOf(path)) === wanted.sha256) return path;
  say(`downloading ${wanted.name} ${wanted.version} (${Math.ceil(wanted.octets / 1e6)} MB)`);
  // Of its own: another build may be at the same package.
  const landing = await mkdtemp(join(debs, `.${wanted.name}_${arch}.`));
  try {
    await call('apt-get', ['-q', 'download', `${wanted.name}=${wanted.version}`], landing);
    const [file] = await readdir(landing);
    if (file === undefined || (await digestOf(join(landing, file))) !== wanted.sha256)
      throw new BuildError('apt', `${wanted.name} came with another digest than its index says; try again later`);
    // A copy and not the file itself: apt may have linked it from a local archive.
    await copyFile(join(landing, file), join(landing, 'copy'));
    await rename(join(landing, 'copy'), path);
    return path;
  } finally {
    await rm(landing, { recursive: true, force: true });
  }
}

/** SHA-256 of a file as hexadecimal; nothing when it cannot be read. */
async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch {
    return undefined;
  }
}
