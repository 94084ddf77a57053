import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Sha256 } from '../../server/core/address.ts';
import { bundleRef, type Artefact } from '../../server/core/bundle.ts';
import { sha256Of } from '../../server/edges/digest.ts';
import { openArtefactFolder } from '../../server/files/artefact-folder.ts';
import { openBoards } from '../../server/files/board-catalogue.ts';
import { createBundleReader } from '../../server/files/bundle-reader.ts';
import type { Artefacts } from '../../server/ports/artefacts.ts';
import { FetchError, type FetchUrl } from '../../server/ports/fetch.ts';
import type { Store } from '../../server/ports/store.ts';
import { createBundleService, type BundleService } from '../../server/services/bundles.ts';
import { createChannelService, type ChannelService } from '../../server/services/channels.ts';
import { createImportBundle, type ImportBundle, type ImportOrder } from '../../server/services/import-bundle.ts';
import { createKernelReport } from '../../server/services/kernel-report.ts';
import { inTempFolder } from '../support/archives.ts';
import { kernelDeb, pretendInitrd } from '../support/bundle-packages.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { sampleBundle, sampleFacts, sampleMachine } from '../support/samples.ts';

interface Bench {
  readonly folder: string;
  readonly store: Store;
  readonly artefacts: Artefacts;
  readonly bundles: BundleService;
  readonly channels: ChannelService;
  readonly clock: FakeClock;
  readonly importBundle: ImportBundle;
  upload(file: string): Promise<Artefact>;
}

async function onBench(job: (bench: Bench) => Promise<void>, fetchUrl?: FetchUrl): Promise<void> {
  await inTempFolder(async (folder) => {
    const clock = createFakeClock();
    const store = createMemoryStore(clock);
    const artefacts = await openArtefactFolder({ dataDir: join(folder, 'data'), clock });
    const reader = createBundleReader(artefacts);
    const bundles = createBundleService({ store, reader, clock });
    const nothing: FetchUrl = ({ url }) => {
      throw new FetchError('not-allowed', `${url} lies in a private network; name its host under fetch.hosts`);
    };
    await job({
      ...{ folder, store, artefacts, bundles, clock },
      channels: createChannelService({ store, clock }),
      importBundle: createImportBundle({ bundles, reader, artefacts, store, fetchUrl: fetchUrl ?? nothing }),
      upload: async (file) => {
        const artefact = await artefacts.put(basename(file), createReadStream(file), 1 << 30);
        await store.artefacts.add(artefact);
        return artefact;
      },
    });
  });
}

const order = (packages: readonly Artefact[], change: Partial<ImportOrder> = {}): ImportOrder => ({
  ...{ name: 'debian', version: undefined, arch: undefined, from: { packages }, initrd: undefined },
  ...{ kernelArgs: ['quiet'], callsHome: true, needs: [] },
  ...change,
});

async function texts(store: Store): Promise<readonly string[]> {
  return (await store.events.list({ limit: 99 })).map((event) => event.text);
}

describe('importing bundles', () => {
  it('a kernel package makes one, whole, with what is in it', async () => {
    await onBench(async ({ folder, store, bundles, importBundle, upload }) => {
      const deb = await upload(await kernelDeb(folder, '6.1.192-2', '6.1.0-56-arm64'));
      await writeFile(join(folder, 'initrd.img'), pretendInitrd(['busybox', 'kexec'], ['nbd']));
      const initrd = await upload(join(folder, 'initrd.img'));
      const outcome = await importBundle(
        order([deb], { initrd, needs: ['nbd', 'bin:kexec', 'config:NFS_ROOT'] }),
        'alice',
      );
      assert.ok(outcome.is === 'done', JSON.stringify(outcome));
      const { bundle } = outcome;
      assert.deepEqual([bundleRef(bundle), bundle.arch, bundle.callsHome], ['debian@6.1.192-2', 'arm64', true]);
      const contents = await bundles.contents('debian@6.1.192-2');
      assert.deepEqual(
        [
          contents?.kernelRelease,
          contents?.kernelForm,
          contents?.modules,
          contents?.initrd?.modules,
          contents?.packages,
        ],
        ['6.1.0-56-arm64', 'Image', ['nbd', 'virtio_net'], ['nbd'], [deb]],
      );
      assert.deepEqual(await texts(store), ['bundle debian@6.1.192-2 was imported by alice']);
    });
  });

  it('one that lacks what it needs is refused with the name, and is nowhere to be seen', async () => {
    await onBench(async ({ folder, store, bundles, importBundle, upload }) => {
      const deb = await upload(await kernelDeb(folder, '1', '6.1.0-56-arm64'));
      const outcome = await importBundle(order([deb], { needs: ['nbd', 'zfs'] }), 'alice');
      assert.ok(outcome.is === 'bad-value' && outcome.field === 'needs');
      assert.match(outcome.because, /needs zfs/);
      assert.deepEqual([await bundles.list(), await texts(store)], [[], []]);
    });
  });

  const wrong: readonly (readonly [Partial<ImportOrder>, string])[] = [
    [{ name: 'Debian!' }, 'name'],
    [{ version: '1 2' }, 'version'],
    [{ arch: 'sparc' }, 'arch'],
    [{ kernelArgs: ['a\nb'] }, 'kernelArgs'],
    [{ needs: ['bin:/sbin/kexec'] }, 'needs'],
    [{ from: { url: 'https://10.0.0.1/x.deb', sha256: sha256Of('x') } }, 'url'],
  ];
  for (const [change, field] of wrong)
    it(`what is wrong with ${field} is said by its name`, async () => {
      await onBench(async ({ bundles, importBundle }) => {
        const outcome = await importBundle(order([], change), 'alice');
        assert.ok(outcome.is === 'bad-value' && outcome.field === field, JSON.stringify(outcome));
        assert.deepEqual(await bundles.list(), []);
      });
    });

  it('what is damaged is said, and a version is never overwritten', async () => {
    await onBench(async ({ folder, importBundle, upload }) => {
      const file = await kernelDeb(folder, '1', '6.1.0-56-arm64');
      await writeFile(join(folder, 'cut.deb'), (await readFile(file)).subarray(0, 4000));
      const damaged = await importBundle(order([await upload(join(folder, 'cut.deb'))]), 'alice');
      assert.ok(damaged.is === 'bad-value' && damaged.field === 'packages');
      const deb = await upload(file);
      assert.equal((await importBundle(order([deb]), 'alice')).is, 'done');
      assert.equal((await importBundle(order([deb]), 'alice')).is, 'taken');
    });
  });

  it('20 imports that come at once are unpacked one after the other, and a broken one holds up nobody', async () => {
    await onBench(async ({ bundles, artefacts, store, folder, upload }) => {
      const file = await upload(await kernelDeb(folder, '1', '6.1.0-1-arm64'));
      const real = createBundleReader(artefacts);
      let [underWay, most] = [0, 0];
      const unpack: typeof real.unpack = async (packages) => {
        underWay += 1;
        most = Math.max(most, underWay);
        try {
          return await real.unpack(packages);
        } finally {
          underWay -= 1;
        }
      };
      const fetchUrl: FetchUrl = () => assert.fail('nothing is fetched');
      const importAll = createImportBundle({ bundles, reader: { ...real, unpack }, artefacts, store, fetchUrl });
      const broken = { name: 'gone.deb', sha256: sha256Of(new Uint8Array(1)), octets: 1 };
      const orders = [[file], [broken], [file]].map((packages, at) => order(packages, { version: String(at) }));
      const outcomes = await Promise.all(orders.map((each) => importAll(each, 'alice')));
      assert.deepEqual(
        outcomes.map(({ is }) => is),
        ['done', 'bad-value', 'done'],
      );
      assert.equal(most, 1);
    });
  });

  it('a package at a URL is fetched, checked and imported', async () => {
    let file = '';
    const asked: string[] = [];
    const fetchUrl: FetchUrl = ({ url, sha256 }) => {
      asked.push(`${url} ${sha256}`);
      return createReadStream(file);
    };
    await onBench(async ({ folder, importBundle, store }) => {
      file = await kernelDeb(folder, '7', '6.1.0-57-arm64');
      const sha256: Sha256 = sha256Of(await readFile(file));
      const url = 'https://deb.example.org/pool/linux.deb?token=canary';
      const outcome = await importBundle(order([], { from: { url, sha256 } }), 'alice');
      assert.ok(outcome.is === 'done', JSON.stringify(outcome));
      assert.deepEqual(
        [bundleRef(outcome.bundle), outcome.bundle.source],
        ['debian@7', 'https://deb.example.org/pool/linux.deb (linux.deb)'],
      );
      const everything = JSON.stringify([outcome, await store.bundles.list(), await store.events.list({ limit: 99 })]);
      assert.ok(!everything.includes('canary'), 'what stands behind ? is told to nobody');
      assert.deepEqual(asked, [`${url} ${sha256}`]);
    }, fetchUrl);
  });

  it('ten newer versions over one another, the old ones removed: no device tree changes, and a pin keeps its octets', async () => {
    const boards = openBoards([new URL('../../dtbs', import.meta.url).pathname]);
    await onBench(async ({ folder, store, artefacts, bundles, importBundle, upload }) => {
      const ownDtb = await artefacts.put('own.dtb', createReadStream(new URL(import.meta.url).pathname), 1 << 20);
      await store.machines.add(sampleMachine(1, { bundle: 'debian@1', dtb: ownDtb.sha256 }), []);
      const treesOf = () => JSON.stringify(boards.list().map(({ name, dtb, dtbMissing }) => [name, dtb, dtbMissing]));
      const before = treesOf();
      for (let nth = 1; nth <= 10; nth += 1) {
        const deb = await upload(await kernelDeb(folder, String(nth), `6.1.0-${String(nth)}-arm64`));
        assert.equal((await importBundle(order([deb]), 'alice')).is, 'done');
        if (nth > 2) assert.equal((await bundles.remove(`debian@${String(nth - 1)}`, 'alice')).is, 'done');
      }
      boards.refresh();
      assert.equal(treesOf(), before);
      const tree = await artefacts.open(ownDtb.sha256);
      assert.equal(
        createHash('sha256')
          .update((await tree?.read(0, 1 << 20)) ?? '')
          .digest('hex'),
        ownDtb.sha256,
      );
      assert.deepEqual((await bundles.list()).map(bundleRef), ['debian@1', 'debian@10']);
      assert.equal((await bundles.remove('debian@1', 'alice')).is, 'taken');
      assert.equal((await store.machines.byName('board-01'))?.bundle, 'debian@1');
      const pinned = (await bundles.byRef('debian@1'))?.kernel;
      const octets = await (await artefacts.open(pinned?.sha256 ?? ownDtb.sha256))?.read(0, 1 << 20);
      assert.equal(sha256Of(octets ?? ''), pinned?.sha256);
    });
  });
});

describe('channels of bundles', () => {
  const lay = async ({ store }: Bench): Promise<void> => {
    for (const version of ['1', '2', '3']) await store.bundles.add(sampleBundle('debian', { version }), []);
    await store.bundles.add(sampleBundle('agent', { role: 'agent' }), []);
  };

  it('are made by promotion, go back by rollback, and by nothing else', async () => {
    await onBench(async (bench) => {
      await lay(bench);
      const { channels, store } = bench;
      for (const version of ['1', '2', '2'])
        assert.equal((await channels.promote(`debian@${version}`, 'stable', 'alice')).is, 'done');
      await store.bundles.add(sampleBundle('debian', { version: '4' }), []);
      assert.deepEqual(
        (await channels.list()).map(({ version, previous }) => [version, previous]),
        [['2', '1']],
      );
      assert.equal((await channels.rollback('debian', 'stable', 'bob')).is, 'done');
      const again = await channels.rollback('debian', 'stable', 'bob');
      assert.ok(again.is === 'taken' && /promote another version/.test(again.because));
      assert.equal((await channels.history()).length, 2);
      assert.deepEqual(await texts(store), [
        'debian:stable points at 1 now, promoted by alice',
        'debian:stable points at 2 now (was 1), promoted by alice',
        'debian:stable points at 1 again, rolled back from 2 by bob',
      ]);
    });
  });

  it('what cannot be is said', async () => {
    await onBench(async (bench) => {
      await lay(bench);
      const { channels } = bench;
      assert.equal((await channels.promote('debian@9', 'stable', 'a')).is, 'unknown-bundle');
      assert.equal((await channels.promote('debian@1', 'Not So', 'a')).is, 'bad-value');
      assert.equal((await channels.promote('agent@1', 'stable', 'a')).is, 'bad-value');
      assert.equal((await channels.rollback('debian', 'stable', 'a')).is, 'unknown-bundle');
    });
  });

  it('the report names machines on older kernels', async () => {
    await onBench(async ({ folder, store, importBundle, upload }) => {
      await store.machines.add(sampleMachine(1, { facts: { ...sampleFacts, kernel: '6.1.0-9-arm64' } }), []);
      const deb = await upload(await kernelDeb(folder, '6.1.192-2', '6.1.0-56-arm64'));
      await importBundle(order([deb]), 'alice');
      const [row] = await createKernelReport({ store })();
      assert.deepEqual([row?.verdict, row?.newest?.bundle], ['older', 'debian@6.1.192-2']);
    });
  });
});
