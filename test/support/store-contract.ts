import { strict as assert } from 'node:assert';
import { ipv4 } from '../../server/core/address.ts';
import type { DtbVersion } from '../../server/core/dtb-version.ts';
import type { BootServed, Verdict } from '../../server/core/boot-verdict.ts';
import type { FarrierEvent } from '../../server/core/event.ts';
import type { MachineId } from '../../server/core/machine.ts';
import { StaleWrite, Taken, type Store } from '../../server/ports/store.ts';
import { bundleContract } from './bundle-contract.ts';
import type { FakeClock } from './fake-clock.ts';
import { bootTallyContract } from './boot-tally-contract.ts';
import { consoleContract } from './console-contract.ts';
import { parameterContract } from './parameter-contract.ts';
import { powerContract } from './power-contract.ts';
import { digest, mac, sampleEvent, sampleFacts, sampleLease, sampleMachine } from './samples.ts';

/** One store under test, empty, and the clock it reads. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly clock: FakeClock;
}

function machineContract(fresh: () => StoreUnderTest): void {
  const full = sampleMachine(1, {
    failed: 'no answer',
    state: 'deploying',
    deadlineMs: 99_000,
    macs: [mac('52:54:00:00:00:09'), mac('02:00:00:00:00:01')],
    systemUuid: '4c4c4544-0042',
    arch: 'arm64',
    board: 'mustang',
    recognised: { board: 'qemu-virt', evidence: ['option 93 is 11'] },
    firmware: {
      ...{ clientArch: 11, vendorClass: undefined, userClass: 'iPXE' },
      ...{ loader: 'ipxe', loaderVersion: '1.21.1' },
    },
    facts: sampleFacts,
    reserved: ipv4(0xfffffffe),
    bundle: 'debian@12',
    dtb: digest('c'),
    overlays: [digest('e'), digest('d')],
    rack: 'Row A.3',
    slot: '3-4 left',
    extraArgs: ['a="b c"', '', 'ü=\u0000'],
    power: { driver: 'ipmi', parameters: { host: '10.0.0.1', port: 623, lan: true } },
    powerSeen: { state: 'unknown', atMs: 5, because: 'timeout' },
    ownerEpoch: 3,
  });

  it('gives back what was added, field by field, by each of its names', async () => {
    const { store } = fresh();
    for (const machine of [full, sampleMachine(2)]) {
      assert.deepEqual(await store.machines.add(machine, []), machine);
      assert.deepEqual(await store.machines.byId(machine.id), machine);
      assert.deepEqual(await store.machines.byName(machine.name), machine);
      for (const each of machine.macs) assert.deepEqual(await store.machines.byMac(each), machine);
    }
    assert.deepEqual(await store.machines.list(), [full, sampleMachine(2)]);
    assert.equal(await store.machines.byName('nobody'), undefined);
  });

  it('by MAC it gives what stands after each write, whatever was asked before', async () => {
    const { store } = fresh();
    const [old, young] = [mac('52:54:00:00:00:09'), mac('02:00:00:00:00:07')];
    const both = async () => [(await store.machines.byMac(old))?.rev, (await store.machines.byMac(young))?.rev];
    assert.deepEqual(await both(), [undefined, undefined]);
    await store.machines.add(full, []);
    assert.deepEqual(await both(), [1, undefined]);
    const moved = await store.machines.change(full, { macs: [young] }, []);
    assert.deepEqual(await both(), [undefined, 2]);
    await assert.rejects(store.machines.change(full, { macs: [old] }, []), StaleWrite);
    assert.deepEqual(await both(), [undefined, 2]);
    await store.machines.remove(moved, []);
    assert.deepEqual(await both(), [undefined, undefined]);
  });

  it('counts the revision up and clears with an explicit absence', async () => {
    const { store } = fresh();
    await store.machines.add(full, []);
    const changed = await store.machines.change(
      full,
      { board: undefined, state: 'ready', deadlineMs: undefined, macs: [mac('02:00:00:00:00:07')] },
      [],
    );
    assert.deepEqual(changed, {
      ...full,
      rev: 2,
      board: undefined,
      state: 'ready',
      deadlineMs: undefined,
      macs: [mac('02:00:00:00:00:07')],
    });
    assert.deepEqual(await store.machines.byId(full.id), changed);
    assert.equal(await store.machines.byMac(mac('02:00:00:00:00:01')), undefined);
  });

  it('refuses a writer that saw an older revision, and writes none of its events', async () => {
    const { store } = fresh();
    await store.machines.add(full, []);
    await store.machines.change(full, { board: 'other' }, []);
    await assert.rejects(store.machines.change(full, { board: 'mine' }, [sampleEvent('lost')]), StaleWrite);
    await assert.rejects(store.machines.remove(full, [sampleEvent('lost')]), StaleWrite);
    assert.equal((await store.machines.byId(full.id))?.board, 'other');
    assert.deepEqual(await store.events.list({ limit: 9 }), []);
  });

  it('of two writers with the same revision one wins', async () => {
    const { store } = fresh();
    await store.machines.add(full, []);
    const both = await Promise.allSettled([
      store.machines.change(full, { board: 'a' }, []),
      store.machines.change(full, { board: 'b' }, []),
    ]);
    assert.deepEqual(both.map((each) => each.status).sort(), ['fulfilled', 'rejected']);
  });

  const first = sampleMachine(1, {
    reserved: ipv4(5),
    power: { driver: 'pdu', parameters: { host: 'PDU-1', outlet: 3 } },
  });
  const claims: readonly (readonly [string, Parameters<typeof sampleMachine>[1]])[] = [
    ['a name', { name: first.name }],
    ['a MAC that is not the first', { macs: [mac('02:00:00:00:00:99'), mac(first.macs[0] ?? '')] }],
    ['an address of the same network', { reserved: ipv4(5) }],
    [
      'an outlet, however its parameters are written',
      { power: { driver: 'pdu', parameters: { outlet: '3', host: 'pdu-1 ' } } },
    ],
  ];
  for (const [what, claim] of claims)
    it(`names the holder of ${what} that is taken`, async () => {
      const { store } = fresh();
      await store.machines.add(first, []);
      const isTaken = (error: unknown): boolean => error instanceof Taken && error.message.includes(first.name);
      await assert.rejects(store.machines.add(sampleMachine(2, claim), [sampleEvent('lost')]), isTaken);
      const second = await store.machines.add(sampleMachine(2), []);
      await assert.rejects(store.machines.change(second, claim ?? {}, [sampleEvent('lost')]), isTaken);
      assert.deepEqual(await store.machines.byId(second.id), second);
      assert.deepEqual(await store.events.list({ limit: 9 }), []);
    });

  it('lets two machines share what is not unique: addresses of two networks, drivers without parameters', async () => {
    const { store } = fresh();
    const power = { driver: 'manual', parameters: {} };
    await store.machines.add(sampleMachine(1, { reserved: ipv4(5), power }), []);
    await store.machines.add(sampleMachine(2, { reserved: ipv4(5), network: 'rack2', power }), []);
    assert.equal((await store.machines.list()).length, 2);
  });

  it('tells no old tale of a machine that was read, removed and added anew with the same id and revision', async () => {
    const { store } = fresh();
    await store.machines.add(full, []);
    assert.equal((await store.machines.byId(full.id))?.board, 'mustang');
    await store.machines.remove(full, []);
    assert.equal(await store.machines.byId(full.id), undefined);
    await store.machines.add({ ...full, board: 'other', macs: [mac('02:00:00:00:00:42')] }, []);
    assert.equal((await store.machines.byId(full.id))?.board, 'other');
    assert.deepEqual((await store.machines.list())[0]?.macs, ['02:00:00:00:00:42']);
  });

  it('a change that is refused leaves what is read as it was', async () => {
    const { store } = fresh();
    const [one, two] = [await store.machines.add(full, []), await store.machines.add(sampleMachine(2), [])];
    await assert.rejects(store.machines.change(two, { name: one.name, board: 'x' }, []), Taken);
    await assert.rejects(store.machines.change(two, { state: 'deploying', board: 'x' }, []));
    assert.deepEqual(await store.machines.byId(two.id), two);
    assert.deepEqual(await store.machines.change(two, { board: 'y' }, []), { ...two, rev: 2, board: 'y' });
    assert.equal((await store.machines.byName(two.name))?.board, 'y');
  });

  it('refuses a moving state without a deadline (invariant I3)', async () => {
    const { store } = fresh();
    await assert.rejects(store.machines.add(sampleMachine(1, { state: 'deploying' }), []));
    assert.deepEqual(await store.machines.list(), []);
  });

  it('a removed machine leaves its events and frees its name; its secrets and tokens are gone', async () => {
    const { store } = fresh();
    await store.machines.add(full, [sampleEvent('met', { machine: full.id })]);
    await store.secrets.put(full.id, 'password', 'sealed');
    await store.boots.add({ id: 'b1', machine: full.id, startedMs: 1, tokenHash: 'h', plan: 'p' });
    await store.machines.remove(full, [sampleEvent('removed', { machine: full.id })]);
    assert.equal(await store.machines.byMac(full.macs[0] ?? mac('')), undefined);
    assert.equal(await store.secrets.count(), 0);
    assert.equal(await store.boots.byTokenHash('h'), undefined);
    assert.equal((await store.boots.ofMachine(full.id, 9)).length, 1);
    const texts = (await store.events.list({ machine: full.id, limit: 9 })).map((event) => event.text);
    assert.deepEqual(texts, ['met', 'removed']);
    await store.machines.add(full, []);
  });

  it('trims the oldest candidates only, with an event each', async () => {
    const { store } = fresh();
    for (const n of [3, 1, 2]) await store.machines.add(sampleMachine(n, { state: 'new' }), []);
    await store.machines.add(sampleMachine(4, { createdMs: 0 }), []);
    const gone = await store.machines.trimCandidates(1, (machine) =>
      sampleEvent(`dropped ${machine.name}`, { machine: machine.id }),
    );
    assert.deepEqual(
      gone.map((machine) => machine.name),
      ['board-01', 'board-02'],
    );
    assert.deepEqual(
      (await store.machines.list()).map((machine) => machine.name),
      ['board-03', 'board-04'],
    );
    assert.equal((await store.events.list({ limit: 9 })).length, 2);
    assert.deepEqual(await store.machines.trimCandidates(1, () => sampleEvent('never')), []);
  });
}

function eventContract(fresh: () => StoreUnderTest): void {
  const [one, two] = [sampleMachine(1), sampleMachine(2)];

  it('numbers strictly upwards and lists the newest, ascending', async () => {
    const { store } = fresh();
    const added = await store.events.append([1, 2, 3, 4].map((n) => sampleEvent(`e${String(n)}`)));
    const ids = added.map((event) => event.id);
    assert.ok(ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? 0)));
    assert.deepEqual(await store.events.list({ limit: 2 }), added.slice(2));
    assert.deepEqual(await store.events.list({ afterId: ids[1] ?? 0, limit: 9 }), added.slice(2));
    assert.deepEqual(await store.events.list({ afterId: ids[3] ?? 0, limit: 9 }), []);
  });

  it('trims the oldest, so many at a time, and gives no number twice', async () => {
    const { store } = fresh();
    const added = await store.events.append([1, 2, 3, 4, 5].map((n) => sampleEvent(`e${String(n)}`)));
    assert.equal(await store.events.trim(5, 100), 0);
    assert.equal(await store.events.trim(2, 2), 2);
    assert.deepEqual(await store.events.list({ limit: 9 }), added.slice(2));
    assert.equal(await store.events.trim(2, 2), 1);
    assert.equal(await store.events.trim(2, 2), 0);
    assert.deepEqual(await store.events.list({ limit: 9 }), added.slice(3));
    const [next] = await store.events.append([sampleEvent('e6')]);
    assert.equal(next?.id, (added[4]?.id ?? 0) + 1);
  });

  it('filters by machine and boot, and knows the last of each machine', async () => {
    const { store } = fresh();
    for (const machine of [one, two]) await store.machines.add(machine, []);
    const detail = { octets: 512, path: '/boot/x', done: true };
    const [a, b, c] = await store.events.append([
      sampleEvent('a', { machine: one.id, boot: 'b1', kind: 'tftp', severity: 'bad', detail }),
      sampleEvent('b', { machine: one.id, boot: 'b2' }),
      sampleEvent('c', { machine: two.id }),
    ]);
    assert.deepEqual(await store.events.list({ machine: one.id, limit: 9 }), [a, b]);
    assert.deepEqual(await store.events.list({ machine: one.id, boot: 'b1', limit: 9 }), [a]);
    assert.deepEqual(await store.events.list({ boot: 'b2', limit: 9 }), [b]);
    assert.deepEqual(
      await store.events.lastOfEach(),
      new Map([
        [one.id, b],
        [two.id, c],
      ] as const),
    );
  });

  it('tells listeners of each commit, after it, with its numbers; not of a refused one', async () => {
    const { store } = fresh();
    const heard: (readonly FarrierEvent[])[] = [];
    const stop = store.events.subscribe((events) => heard.push(events));
    await store.machines.add(one, [sampleEvent('met', { machine: one.id }), sampleEvent('seen')]);
    await assert.rejects(store.machines.add({ ...two, name: one.name }, [sampleEvent('lost')]), Taken);
    assert.deepEqual(heard, [await store.events.list({ limit: 9 })]);
    stop();
    await store.events.append([sampleEvent('later')]);
    assert.equal(heard.length, 1);
  });

  it("a listener's fault harms neither the writer nor the other listeners", async () => {
    const { store } = fresh();
    let heard = 0;
    store.events.subscribe(() => {
      throw new Error('mine');
    });
    store.events.subscribe(() => heard++);
    await store.events.append([sampleEvent('x')]);
    assert.equal(heard, 1);
  });
}

function leaseContract(fresh: () => StoreUnderTest): void {
  it('keeps one lease for each address, the last one committed', async () => {
    const { store } = fresh();
    const named = sampleLease(2, { hostname: 'pi', circuitId: '0a', remoteId: 'ff', state: 'declined' });
    await store.leases.commit([sampleLease(1), named]);
    const renewed = sampleLease(1, { key: 'id:01ff', expiresMs: 20_000, state: 'released' });
    await store.leases.commit([renewed]);
    assert.deepEqual(await store.leases.list(), [renewed, named]);
  });

  it('keeps the order of commits that are under way together', async () => {
    const { store } = fresh();
    await Promise.all([1, 2, 3].map((n) => store.leases.commit([sampleLease(1, { expiresMs: n })])));
    assert.equal((await store.leases.list())[0]?.expiresMs, 3);
  });

  it('forgets addresses of one network only', async () => {
    const { store } = fresh();
    const elsewhere = sampleLease(1, { network: 'rack2' });
    await store.leases.commit([sampleLease(1), sampleLease(2), elsewhere]);
    await store.leases.forget('rack1', [sampleLease(1).address]);
    assert.deepEqual(await store.leases.list(), [sampleLease(2), elsewhere]);
  });
}

function bootContract(fresh: () => StoreUnderTest): void {
  it('lists newest first, finds by token, and forgets a void token', async () => {
    const { store } = fresh();
    const boot = (n: number, tokenHash: string | undefined) => ({
      id: `b${String(n)}`,
      machine: sampleMachine(1).id,
      startedMs: 100 + (n > 2 ? 1 : 0),
      tokenHash,
      plan: 'agent',
    });
    const kept = { served: undefined, endedMs: undefined, verdict: undefined };
    for (const each of [boot(1, undefined), boot(2, undefined), boot(3, undefined)]) await store.boots.add(each);
    await store.boots.setToken('b1', 'h1');
    const ids = (await store.boots.ofMachine(sampleMachine(1).id, 2)).map((each) => each.id);
    assert.deepEqual(ids, ['b3', 'b2']);
    assert.deepEqual(await store.boots.byTokenHash('h1'), { ...kept, ...boot(1, 'h1'), endedMs: 100 });
    await store.boots.setToken('b1', undefined);
    await store.boots.setToken('b2', 'h2');
    await store.boots.setPlan('b2', 'local disk', undefined);
    assert.equal(await store.boots.byTokenHash('h1'), undefined);
    assert.deepEqual(await store.boots.byTokenHash('h2'), {
      ...kept,
      ...boot(2, 'h2'),
      endedMs: 101,
      plan: 'local disk',
    });
    assert.deepEqual(await store.boots.ofMachine('m-other' as MachineId, 9), []);
  });
}

function bootVerdictContract(fresh: () => StoreUnderTest): void {
  const verdict: Verdict = {
    ...{ state: 'silent', rule: 'kernel-silent', lastGood: 'kernel', layer: 'kernel', cause: 'it never spoke' },
    ...{ others: ['a panic'], remedy: 'look', evidence: [3, 7], confidence: 'likely', dueMs: undefined },
  };
  const served: BootServed = {
    ...{ purpose: 'agent', bundle: 'agent@1', board: 'b', format: 'extlinux', args: 'quiet' },
    ...{ kernel: digest('a'), initrd: undefined, dtb: digest('b'), callsHome: true },
  };

  it('keeps what was served, the verdict and the end; only boots with neither are under way', async () => {
    const { store } = fresh();
    const add = (id: string, n: number, startedMs: number) =>
      store.boots.add({ id, machine: sampleMachine(n).id, startedMs, tokenHash: undefined, plan: '' });
    const underWay = async () => (await store.boots.underWay()).map((boot) => boot.id);
    await add('b1', 1, 1);
    await add('b2', 2, 2);
    await add('b3', 1, 3);
    assert.deepEqual(await underWay(), ['b2', 'b3']);
    assert.equal((await store.boots.byId('b1'))?.endedMs, 3, 'the next boot ends it');
    await store.boots.setPlan('b3', 'boots', served);
    await store.boots.decide('b3', verdict, [sampleEvent('told', { boot: 'b3' })]);
    const kept = await store.boots.byId('b3');
    assert.deepEqual([kept?.served, kept?.verdict], [served, verdict]);
    assert.deepEqual(
      (await store.events.list({ boot: 'b3', limit: 9 })).map((event) => event.text),
      ['told'],
    );
    assert.deepEqual(await underWay(), ['b2']);
    await store.boots.decide('b3', undefined, []);
    assert.deepEqual(await underWay(), ['b2', 'b3'], 'taken back');
    await store.boots.end(sampleMachine(1).id, 9);
    await store.boots.end(sampleMachine(1).id, 10);
    assert.equal((await store.boots.byId('b3'))?.endedMs, 9);
    assert.deepEqual(await underWay(), ['b2']);
  });
}

function bootTokenContract(fresh: () => StoreUnderTest): void {
  it("a new boot makes the tokens of the machine's earlier boots void, and nobody else's", async () => {
    const { store } = fresh();
    const add = (id: string, n: number, tokenHash: string) =>
      store.boots.add({ id, machine: sampleMachine(n).id, startedMs: 1, tokenHash, plan: '' });
    await add('b1', 1, 'h1');
    await add('b2', 2, 'h2');
    await add('b3', 1, 'h3');
    assert.equal(await store.boots.byTokenHash('h1'), undefined);
    assert.equal((await store.boots.byTokenHash('h2'))?.id, 'b2');
    assert.equal((await store.boots.byTokenHash('h3'))?.id, 'b3');
  });
}

function bootTrimContract(fresh: () => StoreUnderTest): void {
  it('trims each machine to its newest boots, and those of machines that are gone', async () => {
    const { store } = fresh();
    const [one, two] = [sampleMachine(1), sampleMachine(2)];
    for (const machine of [one, two]) await store.machines.add(machine, []);
    const add = (id: string, machine: MachineId, startedMs: number) =>
      store.boots.add({ id, machine, startedMs, tokenHash: undefined, plan: '' });
    for (const n of [1, 2, 3, 4]) await add(`a${String(n)}`, one.id, n > 2 ? 10 : 5);
    await add('b1', two.id, 1);
    await add('c1', 'm-gone' as MachineId, 99);
    assert.equal(await store.boots.trim(2, 2), 2);
    assert.equal(await store.boots.trim(2, 2), 1);
    assert.equal(await store.boots.trim(2, 2), 0);
    const left = async (id: MachineId) => (await store.boots.ofMachine(id, 9)).map((boot) => boot.id);
    assert.deepEqual(await left(one.id), ['a4', 'a3']);
    assert.deepEqual(await left(two.id), ['b1']);
    assert.deepEqual(await left('m-gone' as MachineId), []);
  });
}

function boardDtbContract(fresh: () => StoreUnderTest): void {
  const made = (board: string, letter: string, file = 'x.dtb'): Omit<DtbVersion, 'version'> => ({
    board,
    file,
    sha256: digest(letter),
    octets: 123,
    model: letter === 'a' ? undefined : 'ACME',
    compatible: ['acme,bench', 'acme,soc'],
    source: 'the "bench"',
    licence: 'GPL-2.0',
    atMs: 7,
    by: 'alice',
  });

  it('versions count up within a board; the newest is current until another is chosen', async () => {
    const { store } = fresh();
    const { boardDtbs } = store;
    assert.deepEqual(await boardDtbs.ofBoard('bench'), { current: 0, versions: [] });
    const told = (version: number) => [sampleEvent(`version ${version}`)];
    const first = await boardDtbs.add(made('bench', 'a'), told);
    const second = await boardDtbs.add(made('bench', 'b'), told);
    const other = await boardDtbs.add(made('bank', 'a'), told);
    assert.deepEqual(first, { ...made('bench', 'a'), version: 1 });
    assert.deepEqual([second.version, other.version], [2, 1]);
    assert.deepEqual(await boardDtbs.ofBoard('bench'), { current: 2, versions: [first, second] });
    assert.deepEqual(await boardDtbs.current(), [other, second]);
    await boardDtbs.choose('bench', 1, [sampleEvent('back')]);
    assert.deepEqual(await boardDtbs.ofBoard('bench'), { current: 1, versions: [first, second] });
    await boardDtbs.choose('bench', 0, [sampleEvent('to the folder')]);
    assert.deepEqual([(await boardDtbs.ofBoard('bench')).current, await boardDtbs.current()], [0, [other]]);
    assert.equal((await boardDtbs.add(made('bench', 'a'), told)).version, 3);
    const texts = (await store.events.list({ limit: 9 })).map((event) => event.text);
    assert.deepEqual(texts, ['version 1', 'version 2', 'version 1', 'back', 'to the folder', 'version 3']);
  });

  it('a version that is not there cannot be chosen, and nothing is told of it', async () => {
    const { store } = fresh();
    await assert.rejects(store.boardDtbs.choose('bench', 4, [sampleEvent('no')]));
    assert.deepEqual(await store.boardDtbs.ofBoard('bench'), { current: 0, versions: [] });
    assert.deepEqual(await store.events.list({ limit: 9 }), []);
  });
}

function userContract(fresh: () => StoreUnderTest): void {
  const alice = { name: 'alice', role: 'admin', passwordHash: 'scrypt$…', epoch: 1 } as const;

  it('users are put, replaced and removed, their sessions with them', async () => {
    const { store, clock } = fresh();
    await store.users.put(alice, [sampleEvent('added')]);
    await store.users.put({ ...alice, role: 'viewer', epoch: 2 }, []);
    assert.deepEqual(await store.users.byName('alice'), { ...alice, role: 'viewer', epoch: 2 });
    assert.equal(await store.users.byName('ALICE'), undefined);
    const session = { hash: 'h', user: 'alice', epoch: 2, expiresMs: clock.now() + 1000 };
    await store.users.addSession(session);
    assert.deepEqual(await store.users.session('h'), session);
    await store.users.remove('alice', [sampleEvent('removed')]);
    await store.users.remove('alice', [sampleEvent('was not there')]);
    assert.deepEqual(await store.users.list(), []);
    assert.equal(await store.users.session('h'), undefined);
    assert.equal((await store.events.list({ limit: 9 })).length, 2);
  });

  it('a session ends when it expires and when it is ended', async () => {
    const { store, clock } = fresh();
    await store.users.put(alice, []);
    const session = (hash: string) => ({ hash, user: 'alice', epoch: 1, expiresMs: clock.now() + 1000 });
    await store.users.addSession(session('a'));
    await store.users.addSession(session('b'));
    await store.users.endSession('b');
    assert.equal(await store.users.session('b'), undefined);
    clock.advance(999);
    assert.equal((await store.users.session('a'))?.user, 'alice');
    clock.advance(1);
    assert.equal(await store.users.session('a'), undefined);
    await store.users.addSession(session('c'));
    assert.equal((await store.users.session('c'))?.hash, 'c');
  });
}

/** What every Store must do, whatever it is made of. `open` gives an empty one for each test. */
export function describeStoreContract(title: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${title} keeps the store contract`, () => {
    let current: StoreUnderTest;
    const fresh = (): StoreUnderTest => current;
    beforeEach(async () => {
      current = await open();
    });
    afterEach(() => current.store.close());
    describe('machines', () => {
      machineContract(fresh);
    });
    describe('events', () => {
      eventContract(fresh);
    });
    describe('leases', () => {
      leaseContract(fresh);
    });
    describe('boots', () => {
      bootContract(fresh);
      bootTrimContract(fresh);
      bootTokenContract(fresh);
      bootVerdictContract(fresh);
      bootTallyContract(fresh);
    });
    describe('bundles and artefacts', () => {
      bundleContract(fresh);
    });
    describe('device trees of boards', () => {
      boardDtbContract(fresh);
    });
    describe('secrets and power orders', () => {
      powerContract(fresh);
    });
    describe('parameters', () => {
      parameterContract(fresh);
    });
    describe('users', () => {
      userContract(fresh);
    });
    describe('consoles', () => {
      consoleContract(fresh);
    });
  });
}
