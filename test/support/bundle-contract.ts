import { strict as assert } from 'node:assert';
import { Taken } from '../../server/ports/store.ts';
import { digest, sampleBundle, sampleContents, sampleEvent, sampleMachine, sampleTry } from './samples.ts';
import type { StoreUnderTest } from './store-contract.ts';

/** What every store of bundles does: their contents, their channels, their tries, and the artefacts they are made of. */
export function bundleContract(fresh: () => StoreUnderTest): void {
  it('bundles are immutable, and stay while a machine uses them', async () => {
    const { store } = fresh();
    const [debian, bare] = [sampleBundle('debian'), sampleBundle('bare', { initrd: undefined, kernelArgs: [] })];
    await store.bundles.add(debian, [sampleEvent('imported')]);
    await store.bundles.add(bare, []);
    await assert.rejects(store.bundles.add(sampleBundle('debian', { arch: 'amd64' }), [sampleEvent('no')]), Taken);
    assert.deepEqual(await store.bundles.list(), [bare, debian]);
    assert.deepEqual(await store.bundles.byRef('debian@1'), debian);
    assert.equal(await store.bundles.byRef('debian'), undefined);
    const machine = await store.machines.add(sampleMachine(7, { bundle: 'debian@1' }), []);
    await assert.rejects(
      store.bundles.remove('debian@1', [sampleEvent('no')]),
      (error: unknown) => error instanceof Taken && error.message.includes('board-07'),
    );
    await store.machines.change(machine, { bundle: undefined }, []);
    await store.bundles.remove('debian@1', [sampleEvent('removed')]);
    await store.bundles.remove('debian@1', [sampleEvent('was not there')]);
    assert.deepEqual(await store.bundles.list(), [bare]);
    const texts = (await store.events.list({ limit: 9 })).map((event) => event.text);
    assert.deepEqual(texts, ['imported', 'removed']);
  });

  it('what is in a bundle is kept beside it and goes with it', async () => {
    const { store } = fresh();
    const contents = sampleContents({ initrd: { entries: 3, programs: ['sh'], modules: ['nbd'] }, needs: ['nbd'] });
    await store.bundles.add(sampleBundle('debian'), [], contents);
    await store.bundles.add(sampleBundle('bare'), []);
    assert.deepEqual(await store.bundles.contents('debian@1'), contents);
    assert.equal(await store.bundles.contents('bare@1'), undefined);
    assert.deepEqual(await store.bundles.releases(), new Map([['debian@1', '6.1.0-50-arm64']]));
    await store.bundles.remove('debian@1', []);
    assert.equal(await store.bundles.contents('debian@1'), undefined);
  });

  it('a channel moves from where it was seen, goes back, and keeps what it needs', async () => {
    const { store } = fresh();
    for (const version of ['1', '2', '3']) await store.bundles.add(sampleBundle('debian', { version }), []);
    const move = (version: string, from: string | undefined, text: string) => {
      const asked = { name: 'debian', channel: 'stable', version, atMs: 5, by: 'alice' };
      return store.bundles.move(asked, from, [sampleEvent(text)]);
    };
    await move('1', undefined, 'to 1');
    await assert.rejects(move('2', undefined, 'no'), Taken);
    await assert.rejects(move('9', '1', 'no'), Taken);
    await move('2', '1', 'to 2');
    for (const ref of ['debian@1', 'debian@2'])
      await assert.rejects(store.bundles.remove(ref, []), (error: unknown) => {
        return error instanceof Taken && error.message.includes('debian:stable');
      });
    const [first, second] = await store.bundles.moves();
    await assert.rejects(store.bundles.undo(first?.id ?? 0, 7, [sampleEvent('no')]), Taken);
    await store.bundles.undo(second?.id ?? 0, 7, [sampleEvent('back to 1')]);
    await assert.rejects(store.bundles.undo(second?.id ?? 0, 8, [sampleEvent('no')]), Taken);
    assert.deepEqual(
      (await store.bundles.moves()).map(({ version, by, undoneMs }) => [version, by, undoneMs]),
      [
        ['1', 'alice', undefined],
        ['2', 'alice', 7],
      ],
    );
    await store.bundles.remove('debian@2', []);
    const texts = (await store.events.list({ limit: 9 })).map((event) => event.text);
    assert.deepEqual(texts, ['to 1', 'to 2', 'back to 1']);
  });

  it('a try is one a machine, keeps its bundles, and goes with the machine', async () => {
    const { store } = fresh();
    const machine = await store.machines.add(sampleMachine(1), []);
    for (const version of ['1', '2', '3']) await store.bundles.add(sampleBundle('debian', { version }), []);
    await assert.rejects(store.tries.put(sampleTry({ bundle: 'debian@9' }), []), Taken);
    await store.tries.put(sampleTry(), [sampleEvent('asked')]);
    const moved = sampleTry({ step: 'under way', endsMs: 9, boot: 'b1', wasSwitched: true });
    await store.tries.put(moved, []);
    assert.deepEqual(await store.tries.list(), [moved]);
    for (const ref of ['debian@1', 'debian@2'])
      await assert.rejects(store.bundles.remove(ref, []), (error: unknown) => {
        return error instanceof Taken && error.message.includes('board-01');
      });
    await store.tries.setGood({ machine: machine.id, bundle: 'debian@3', before: undefined });
    await store.tries.setGood({ machine: machine.id, bundle: 'debian@2', before: 'debian@3' });
    await store.tries.end(machine.id, [sampleEvent('over')]);
    await store.tries.end(machine.id, [sampleEvent('was over')]);
    assert.deepEqual(await store.tries.goods(), [{ machine: machine.id, bundle: 'debian@2', before: 'debian@3' }]);
    await assert.rejects(store.bundles.remove('debian@3', []), Taken);
    await store.bundles.remove('debian@1', []);
    await store.tries.put(sampleTry(), []);
    await store.machines.remove(machine, []);
    assert.deepEqual([await store.tries.list(), await store.tries.goods()], [[], []]);
    const texts = (await store.events.list({ limit: 9 })).map((event) => event.text);
    assert.deepEqual(texts, ['asked', 'over']);
  });

  it('artefacts are known by digest, under the last name given', async () => {
    const { store } = fresh();
    await store.artefacts.add({ name: 'linux', sha256: digest('a'), octets: 5_000_000_000 });
    await store.artefacts.add({ name: 'vmlinuz', sha256: digest('a'), octets: 5_000_000_000 });
    assert.deepEqual(await store.artefacts.bySha256(digest('a')), {
      name: 'vmlinuz',
      sha256: digest('a'),
      octets: 5_000_000_000,
    });
    assert.equal(await store.artefacts.bySha256(digest('b')), undefined);
  });
}
