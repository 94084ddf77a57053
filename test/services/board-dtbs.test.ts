import { DTB_OCTETS_MAX } from '../../server/core/dtb-version.ts';
import { strict as assert } from 'node:assert';
import type { Board } from '../../server/core/board.ts';
import type { Sha256 } from '../../server/core/address.ts';
import type { HeldDtb } from '../../server/ports/boards.ts';
import { FetchError, type FetchUrl } from '../../server/ports/fetch.ts';
import type { Store } from '../../server/ports/store.ts';
import { createBoardDtbService, type BoardDtbService } from '../../server/services/board-dtbs.ts';
import { readFdt } from '../../server/wire/fdt/fdt.ts';
import { ubootBoard } from '../core/boot-fixtures.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryArtefacts } from '../support/memory-artefacts.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { digest } from '../support/samples.ts';
import { buildFdt } from '../wire/fdt/build-fdt.ts';

const bench: Board = {
  ...ubootBoard,
  name: 'bench',
  compatible: ['acme,bench'],
  dtbWish: { file: 'bench.dtb', source: 'the bench', licence: 'GPL-2.0', optional: false, debian: undefined },
};
const bare: Board = { ...ubootBoard, name: 'bare', compatible: [], dtbWish: undefined };
const tree = (model: string, compatible = 'acme,bench\0acme,soc\0'): Uint8Array =>
  buildFdt({ name: '', properties: { model: `${model}\0`, compatible }, nodes: [] });

async function* pieces(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of all) yield await Promise.resolve(piece);
}

interface Desk {
  readonly dtbs: BoardDtbService;
  readonly store: Store;
  readonly held: Map<string, HeldDtb>;
  readonly artefacts: ReturnType<typeof createMemoryArtefacts>;
  readonly log: ReturnType<typeof createQuietLog>;
  /** The same store and folder after a restart. */
  again(): Desk;
  texts(): Promise<readonly string[]>;
}

const noWeb: FetchUrl = () => {
  throw new FetchError('unreachable', 'no web here');
};

function lay(
  fetchUrl: FetchUrl = noWeb,
  store: Store = createMemoryStore(createFakeClock()),
  artefacts = createMemoryArtefacts(),
): Desk {
  const held = new Map<string, HeldDtb>();
  const log = createQuietLog();
  const dtbs = createBoardDtbService({
    boards: { byName: (name) => [bench, bare].find((board) => board.name === name) },
    shelf: {
      hold: (board, dtb) => {
        if (dtb) held.set(board, dtb);
        else held.delete(board);
      },
    },
    store,
    artefacts,
    readTree: readFdt,
    fetchUrl,
    clock: createFakeClock(),
    log,
  });
  const texts = async () => (await store.events.list({ limit: 99 })).map((event) => event.text);
  return { dtbs, store, held, artefacts, log, again: () => lay(fetchUrl, store, artefacts), texts };
}

describe('device trees of boards', () => {
  it('an imported tree is kept under its digest, told of once, and held from then on', async () => {
    const { dtbs, held, artefacts, store, texts } = lay();
    const octets = tree('ACME One');
    const done = await dtbs.add('bench', pieces(octets.slice(0, 9), octets.slice(9)), {}, 'alice');
    assert.ok(done.is === 'done' && done.version);
    const { sha256, ...rest } = done.version;
    assert.deepEqual(rest, {
      board: 'bench',
      version: 1,
      octets: octets.length,
      file: 'bench.dtb',
      model: 'ACME One',
      compatible: ['acme,bench', 'acme,soc'],
      source: 'the bench',
      licence: 'GPL-2.0',
      atMs: 1_000_000,
      by: 'alice',
    });
    assert.deepEqual([...artefacts.files.keys()], [sha256]);
    assert.equal((await store.artefacts.bySha256(sha256))?.name, 'bench.dtb');
    assert.deepEqual(held.get('bench')?.version, done.version);
    assert.deepEqual(await texts(), ['alice imported version 1 of the device tree of board "bench"']);
    assert.deepEqual(await dtbs.history('bench'), { current: 1, versions: [done.version] });
  });

  it('the same tree again is no new version', async () => {
    const { dtbs, texts } = lay();
    await dtbs.add('bench', pieces(tree('One')), {}, 'alice');
    const again = await dtbs.add('bench', pieces(tree('One')), { source: 'elsewhere' }, 'bob');
    assert.deepEqual([again.is === 'done' && again.changed, (await texts()).length], [false, 1]);
  });

  const refused: readonly (readonly [string, string, Uint8Array, object, string | RegExp])[] = [
    ['of another board', 'bench', tree('Other', 'other,board\0'), {}, /is of "other,board", not of "acme,bench"/],
    ['that is none', 'bench', new TextEncoder().encode('<html>'.padEnd(99)), {}, /no device tree/],
    ['that is cut', 'bench', tree('One').slice(0, -5), {}, /says \d+ octets/],
    ['that is far too large', 'bench', new Uint8Array(DTB_OCTETS_MAX + 1), {}, /may have 2097152 octets/],
    ['without a licence', 'bare', tree('One'), { source: 'x' }, /under which licence/],
    ['without a source', 'bare', tree('One'), { licence: 'x' }, /where it comes from/],
    ['with a name that leads away', 'bench', tree('One'), { file: '../x.dtb' }, /cannot be a file's name/],
  ];
  for (const [title, board, octets, order, want] of refused)
    it(`a tree ${title} is refused, and nothing is kept`, async () => {
      const { dtbs, artefacts, texts } = lay();
      const done = await dtbs.add(board, pieces(octets), order, 'alice');
      assert.ok(done.is === 'bad-value');
      assert.match(done.because, new RegExp(want));
      assert.deepEqual([artefacts.files.size, await texts()], [0, []]);
      assert.deepEqual(await dtbs.history(board), { current: 0, versions: [] });
    });

  it('a board nobody has is named', async () => {
    const { dtbs } = lay();
    for (const done of [
      await dtbs.add('none', pieces(), {}, 'a'),
      await dtbs.rollback('none', undefined, 'a'),
      await dtbs.fetch('none', { url: 'https://x', sha256: digest('a') }, {}, 'a'),
    ])
      assert.ok(done.is === 'unknown-board' && done.because.includes('farrier board list'));
    assert.equal(await dtbs.history('none'), undefined);
  });

  it('goes back one version, to a named one, and to what the folder has', async () => {
    const { dtbs, held, texts } = lay();
    for (const model of ['One', 'Two', 'Three']) await dtbs.add('bench', pieces(tree(model)), {}, 'alice');
    const back = await dtbs.rollback('bench', undefined, 'bob');
    assert.ok(back.is === 'done' && back.changed);
    assert.equal(held.get('bench')?.version.model, 'Two');
    assert.deepEqual(held.get('bench')?.octets, Buffer.from(tree('Two')));
    await dtbs.rollback('bench', 3, 'bob');
    assert.equal(held.get('bench')?.version.version, 3);
    await dtbs.rollback('bench', 0, 'bob');
    assert.equal(held.has('bench'), false);
    assert.equal((await dtbs.history('bench'))?.versions.length, 3);
    const told = await texts();
    assert.equal(told.at(-3), 'bob put the device tree of board "bench" back to version 2');
    assert.match(told.at(-1) ?? '', /what its folder and its firmware have/);
    const same = await dtbs.rollback('bench', 0, 'bob');
    assert.ok(same.is === 'done' && !same.changed);
    assert.equal((await texts()).length, told.length);
  });

  it('a version that is not there is named, and so is having none', async () => {
    const { dtbs } = lay();
    await dtbs.add('bench', pieces(tree('One')), {}, 'alice');
    const none = await dtbs.rollback('bench', 7, 'bob');
    assert.ok(none.is === 'unknown-version' && /no version 7/.test(none.because));
    await dtbs.rollback('bench', undefined, 'bob');
    const nothing = await dtbs.rollback('bench', undefined, 'bob');
    assert.ok(nothing.is === 'unknown-version' && /nothing to go back from/.test(nothing.because));
  });

  it('after a restart what was current is held again; what is gone or damaged is not, and told', async () => {
    const desk = lay();
    await desk.dtbs.add('bench', pieces(tree('One')), {}, 'alice');
    await desk.dtbs.add('bare', pieces(tree('Two')), { source: 's', licence: 'l' }, 'alice');
    const whole = desk.again();
    await whole.dtbs.start();
    assert.deepEqual([...whole.held.keys()].sort(), ['bare', 'bench']);
    assert.deepEqual(whole.held.get('bench')?.octets, Buffer.from(tree('One')));
    desk.artefacts.files.clear();
    const lost = desk.again();
    await lost.dtbs.start();
    assert.equal(lost.held.get('bench')?.octets, undefined);
    assert.equal(lost.held.get('bench')?.version.version, 1);
    assert.equal(lost.log.lines.length, 2);
  });

  it('a tree from a URL is checked like any other, its URL its source without what may be secret', async () => {
    const asked: { url: string; sha256: Sha256; octetsMax: number }[] = [];
    const { dtbs } = lay((order) => {
      asked.push(order);
      return pieces(tree('One'));
    });
    const from = { url: 'https://deb.example.org/x.dtb?token=geheim', sha256: digest('a') };
    const done = await dtbs.fetch('bench', from, {}, 'alice');
    assert.ok(done.is === 'done');
    assert.equal(done.version?.source, 'https://deb.example.org/x.dtb');
    assert.deepEqual(asked, [{ ...from, octetsMax: DTB_OCTETS_MAX }]);
    await assert.rejects(lay().dtbs.fetch('bench', from, {}, 'alice'), FetchError);
  });

  it('imports at the same time are numbered one after the other, and the last is held', async () => {
    const { dtbs, held } = lay();
    const models = ['One', 'Two', 'Three', 'Four'];
    await Promise.all(models.map((model) => dtbs.add('bench', pieces(tree(model)), {}, 'alice')));
    const history = await dtbs.history('bench');
    assert.deepEqual(
      history?.versions.map((each) => each.version),
      [1, 2, 3, 4],
    );
    assert.equal(held.get('bench')?.version.version, history.current);
  });
});
