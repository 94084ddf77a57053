import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSha256, type Sha256 } from '../../server/core/address.ts';
import { ArtefactError } from '../../server/files/artefact-error.ts';
import { openArtefactFolder } from '../../server/files/artefact-folder.ts';
import { HotFiles } from '../../server/files/hot-files.ts';
import type { Artefacts, Content } from '../../server/ports/artefacts.ts';
import type { Clock } from '../../server/ports/clock.ts';

const DAY_MS = 24 * 3600 * 1000;
const clock: Clock = { now: () => 1_800_000_000_000, monotonicMs: () => 0, after: () => () => undefined };

const octetsOf = (text: string): Uint8Array => Buffer.from(text);
const digest = (octets: Uint8Array | string): Sha256 => {
  const parsed = parseSha256(createHash('sha256').update(octets).digest('hex'));
  assert.ok(parsed.ok);
  return parsed.value;
};

async function* stream(...pieces: readonly (string | Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    await Promise.resolve();
    if (piece instanceof Error) throw piece;
    yield typeof piece === 'string' ? octetsOf(piece) : piece;
  }
}

describe('artefact folder', () => {
  let dataDir = '';
  const contents: Content[] = [];
  const folder = (hotOctetsMax?: number): Promise<Artefacts> =>
    openArtefactFolder({ dataDir, clock, ...(hotOctetsMax === undefined ? {} : { hotOctetsMax }) });
  const pathOf = (sha256: string): string => join(dataDir, 'artefacts', sha256.slice(0, 2), sha256);
  const opened = async (artefacts: Artefacts, sha256: Sha256): Promise<Content> => {
    const content = await artefacts.open(sha256);
    assert.ok(content);
    contents.push(content);
    return content;
  };
  const names = async (): Promise<readonly string[]> => (await readdir(join(dataDir, 'artefacts'))).sort();

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'farrier-artefacts-'));
  });
  afterEach(async () => {
    for (const content of contents.splice(0)) content.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('what is put is found by its digest, under its digest, read-only', async () => {
    const artefacts = await folder();
    const artefact = await artefacts.put('linux', stream('ker', 'nel'), 100);
    assert.deepEqual(artefact, { name: 'linux', sha256: digest('kernel'), octets: 6 });
    assert.equal(await readFile(pathOf(artefact.sha256), 'utf8'), 'kernel');
    assert.equal((await stat(pathOf(artefact.sha256))).mode & 0o222, 0);
    assert.ok(await artefacts.has(artefact.sha256));
    assert.deepEqual(await names(), [artefact.sha256.slice(0, 2)], 'nothing else is left');
  });

  it('the first octets can be looked at; of what is not there, nothing', async () => {
    const opened = await openArtefactFolder({ dataDir, clock });
    const { sha256 } = await opened.put('linux', stream('the beginning', ' and the rest'), 100);
    assert.deepEqual(await opened.head(sha256, 3), Buffer.from('the'));
    assert.equal((await opened.head(sha256, 1000))?.length, 26);
    assert.equal(await opened.head(digest('another'), 3), undefined);
  });

  it('the same content twice is one file, untouched the second time', async () => {
    const artefacts = await folder();
    const first = await artefacts.put('a', stream('same'), 100);
    const before = await stat(pathOf(first.sha256));
    const second = await artefacts.put('b', stream('sa', 'me'), 100);
    assert.deepEqual([second.name, second.sha256], ['b', first.sha256]);
    assert.equal((await stat(pathOf(first.sha256))).ino, before.ino);
  });

  it('a file that was cut on disk is made whole by putting it again', async () => {
    const artefacts = await folder();
    const { sha256 } = await artefacts.put('a', stream('whole file'), 100);
    await chmod(pathOf(sha256), 0o644);
    await truncate(pathOf(sha256), 3);
    await artefacts.put('a', stream('whole file'), 100);
    assert.equal(await readFile(pathOf(sha256), 'utf8'), 'whole file');
  });

  const failing: readonly (readonly [string, () => AsyncGenerator<Uint8Array>, RegExp])[] = [
    ['one octet too many', () => stream('12345', '67890', '1'), /"x" is larger than 10 octets/],
    ['a source that breaks', () => stream('123', new Error('connection lost')), /connection lost/],
  ];
  for (const [title, source, words] of failing)
    it(`${title} publishes nothing and leaves nothing behind`, async () => {
      const artefacts = await folder();
      await assert.rejects(artefacts.put('x', source(), 10), words);
      assert.deepEqual(await names(), []);
    });

  it('as many octets as allowed are taken', async () => {
    assert.equal((await (await folder()).put('x', stream('1234567890'), 10)).octets, 10);
  });

  it('many put at once are all there', async () => {
    const artefacts = await folder();
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => artefacts.put('x', stream(`file ${i % 7}`), 100)),
    );
    assert.equal(new Set(all.map((each) => each.sha256)).size, 7);
    for (const { sha256 } of all) assert.ok(await artefacts.has(sha256));
  });

  for (const [where, hotOctetsMax] of [
    ['memory', 1 << 20],
    ['disk', 0],
  ] as const)
    describe(`from ${where}`, () => {
      const big = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => i % 251));

      it('any part can be read, fewer octets only at the end', async () => {
        const artefacts = await folder(hotOctetsMax);
        const { sha256 } = await artefacts.put('x', stream(big), 1 << 20);
        const content = await opened(artefacts, sha256);
        assert.deepEqual(
          [content.octets, content.sha256, content.whole !== undefined],
          [200_000, sha256, where === 'memory'],
        );
        for (const [at, octets] of [
          [0, 10],
          [0, 200_000],
          [199_990, 100],
          [200_000, 5],
          [77_777, 1],
        ] as const)
          assert.ok(big.subarray(at, at + octets).equals(await content.read(at, octets)), `${at}+${octets}`);
      });

      it('what is removed or replaced on disk while it is open is still served as it was', async () => {
        const artefacts = await folder(hotOctetsMax);
        const { sha256 } = await artefacts.put('x', stream(big), 1 << 20);
        const content = await opened(artefacts, sha256);
        await rename(pathOf(sha256), `${pathOf(sha256)}.old`);
        await writeFile(pathOf(sha256), 'another');
        assert.ok(big.equals(await content.read(0, 200_000)));
      });

      it('an unknown digest opens nothing', async () => {
        assert.equal(await (await folder(hotOctetsMax)).open(digest('nobody')), undefined);
      });

      it('neither a link nor a folder nor a pipe under a digest is ever served', async () => {
        const artefacts = await folder(hotOctetsMax);
        await writeFile(join(dataDir, 'secret'), 'key');
        const [link, dir] = [digest('link'), digest('dir')];
        await mkdir(join(dataDir, 'artefacts', link.slice(0, 2)), { recursive: true });
        await symlink(join(dataDir, 'secret'), pathOf(link));
        await mkdir(pathOf(dir), { recursive: true });
        await assert.rejects(
          artefacts.open(link),
          (error) => error instanceof ArtefactError && error.code === 'unreadable',
        );
        await assert.rejects(
          artefacts.open(dir),
          (error) => error instanceof ArtefactError && error.code === 'damaged',
        );
        assert.equal(await artefacts.has(dir), false);
      });
    });

  it('a file whose octets have changed is not served from memory, and is said to be damaged', async () => {
    const artefacts = await folder();
    const { sha256 } = await artefacts.put('x', stream('kernel'), 100);
    await chmod(pathOf(sha256), 0o644);
    await writeFile(pathOf(sha256), 'kernal');
    await assert.rejects(artefacts.open(sha256), (error) => error instanceof ArtefactError && error.code === 'damaged');
    await writeFile(pathOf(sha256), 'kernel');
    assert.equal((await opened(artefacts, sha256)).octets, 6, 'repaired, it is served again');
  });

  it('a file that is cut while it is read from disk fails, and is never served short', async () => {
    const artefacts = await folder(0);
    const { sha256 } = await artefacts.put('x', stream('0123456789'), 100);
    const content = await opened(artefacts, sha256);
    await chmod(pathOf(sha256), 0o644);
    await truncate(pathOf(sha256), 4);
    await assert.rejects(content.read(0, 10), /it has been cut/);
  });

  it('a file in memory is loaded once for all that open it', async () => {
    const artefacts = await folder();
    const { sha256 } = await artefacts.put('x', stream('kernel'), 100);
    const [one, two] = await Promise.all([opened(artefacts, sha256), opened(artefacts, sha256)]);
    assert.equal(one.whole, two.whole);
    await rm(pathOf(sha256));
    assert.equal((await opened(artefacts, sha256)).whole, one.whole);
  });

  const begun = digest('kernel');
  const finds: readonly (readonly [string, string, boolean])[] = [
    ['16 digits find it', begun.slice(0, 16), true],
    ['all digits find it', begun, true],
    ['15 digits are too few', begun.slice(0, 15), false],
    ['65 digits are too many', `${begun}0`, false],
    ['capitals are no digits', begun.slice(0, 16).toUpperCase(), false],
    ['a path is no digest', '../../../../etc/', false],
    ['another digest finds nothing', digest('nobody').slice(0, 16), false],
    ['another digest with the same folder finds nothing', `${begun.slice(0, 2)}${'0'.repeat(14)}`, false],
  ];
  for (const [title, start, isFound] of finds)
    it(`find: ${title}`, async () => {
      const artefacts = await folder();
      await artefacts.put('x', stream('kernel'), 100);
      assert.equal(await artefacts.find(start), isFound ? begun : undefined);
    });

  it('find: a beginning that two share finds neither', async () => {
    const artefacts = await folder();
    await artefacts.put('x', stream('kernel'), 100);
    const twin = begun.slice(0, 60) + (begun.endsWith('0000') ? '1111' : '0000');
    await writeFile(pathOf(twin), '');
    assert.equal(await artefacts.find(begun.slice(0, 16)), undefined);
    assert.equal(await artefacts.find(begun), begun);
  });

  it('what a crashed writer left behind goes after a day; a running one is left alone', async () => {
    await folder();
    for (const name of ['incoming-old', 'incoming-new']) await mkdir(join(dataDir, 'artefacts', name));
    await appendFile(join(dataDir, 'artefacts', 'incoming-old', 'file'), 'half');
    const seconds = (ageMs: number): number => (clock.now() - ageMs) / 1000;
    await utimes(join(dataDir, 'artefacts', 'incoming-old'), seconds(DAY_MS + 1000), seconds(DAY_MS + 1000));
    await utimes(join(dataDir, 'artefacts', 'incoming-new'), seconds(DAY_MS - 1000), seconds(DAY_MS - 1000));
    await folder();
    assert.deepEqual(await names(), ['incoming-new']);
  });

  it('a data folder that is a file is said to be unwritable', async () => {
    await writeFile(join(dataDir, 'artefacts'), '');
    await assert.rejects(folder(), (error) => error instanceof ArtefactError && error.code === 'unwritable');
  });
});

describe('hot files', () => {
  const load = (hot: HotFiles, name: string, octets: number): Promise<Uint8Array> =>
    hot.load(digest(name), octets, () => Promise.resolve(new Uint8Array(octets)));

  it('the least recently opened goes first, and the sum stays under the cap', async () => {
    const hot = new HotFiles(100);
    for (const name of ['a', 'b']) await load(hot, name, 40);
    await hot.get(digest('a'));
    await load(hot, 'c', 50);
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => hot.get(digest(name)) !== undefined),
      [true, false, true],
    );
    assert.equal(hot.octets, 90);
  });

  it('one file takes at most half the room', () => {
    assert.deepEqual([new HotFiles(100).fits(50), new HotFiles(100).fits(51)], [true, false]);
  });

  it('a failed load is forgotten', async () => {
    const hot = new HotFiles(100);
    await assert.rejects(
      hot.load(digest('a'), 10, () => Promise.reject(new Error('EIO'))),
      /EIO/,
    );
    assert.deepEqual([hot.octets, hot.get(digest('a'))], [0, undefined]);
  });
});
