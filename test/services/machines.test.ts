import { strict as assert } from 'node:assert';
import { Readable } from 'node:stream';
import { formatIpv4, ipv4, type Sha256 } from '../../server/core/address.ts';
import { STATES } from '../../server/core/lifecycle.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import { createMachineService, type MachineService } from '../../server/services/machines.ts';
import { secretContext } from '../../server/services/power-secrets.ts';
import type { Machine } from '../../server/core/machine.ts';
import type { Store } from '../../server/ports/store.ts';
import { debian, digestOf, pcBoard, ubootBoard } from '../core/boot-fixtures.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryArtefacts } from '../support/memory-artefacts.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { sampleLease, sampleMachine } from '../support/samples.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { readFdt } from '../../server/wire/fdt/fdt.ts';
import { fdtNode, fromTexts } from '../../server/wire/fdt/tree.ts';
import { rack1 } from './boot-bench.ts';

const pdu: PowerDriver = {
  name: 'pdu',
  summary: 'a pretend PDU',
  fields: {
    outlet: { kind: 'integer', label: 'Outlet', scope: 'machine', required: true, min: 1, max: 8 },
    host: { kind: 'host', label: 'PDU address', scope: 'controller', required: false },
    password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
  },
  abilities: ['on', 'off', 'status'],
  callTimeoutMs: 1000,
  settleTimeoutMs: 1000,
  open: () => {
    throw new Error('not opened in this test');
  },
};

interface Bench {
  readonly service: MachineService;
  readonly store: Store;
  /** Stores a file as an upload does. */
  keep(name: string, octets: Uint8Array): Promise<Sha256>;
  read(name: string): Promise<Machine>;
}

async function bench(...machines: readonly Machine[]): Promise<Bench> {
  const clock = createFakeClock();
  const store = createMemoryStore(clock);
  for (const machine of machines) await store.machines.add(machine, []);
  await store.bundles.add(debian, []);
  const boards = [{ ...ubootBoard, compatible: ['bench,uboot'] }, pcBoard];
  const artefacts = createMemoryArtefacts();
  const service = createMachineService({
    store,
    boards: {
      list: () => boards,
      byName: (name) => boards.find((board) => board.name === name),
      findDtb: () => undefined,
      openDtb: () => Promise.resolve(undefined),
    },
    drivers: { list: () => [pdu], byName: (name) => (name === 'pdu' ? pdu : undefined) },
    vault: { seal: (plain, context) => `sealed:${context}:${plain.length}`, open: () => '' },
    artefacts,
    readTree: readFdt,
    networks: () => [rack1],
    leases: () => [sampleLease(1, { address: ipv4(0x0a4d0002) })],
    clock,
  });
  return {
    service,
    store,
    keep: async (name, octets) => {
      const stored = await artefacts.put(name, Readable.from([octets]), 1 << 22);
      await store.artefacts.add(stored);
      return stored.sha256;
    },
    read: async (name) => {
      const machine = await store.machines.byName(name);
      assert.ok(machine, name);
      return machine;
    },
  };
}

const candidate = sampleMachine(7, { name: 'new-000007', state: 'new', arch: 'arm64' });

describe('machines', () => {
  it('is accepted under a name, with a board, an address outside of the pools, and one event', async () => {
    const { service, store, read } = await bench(candidate);
    const done = await service.accept('new-000007', { name: 'Mustang-03', board: 'bench-uboot' }, 'alice');
    assert.equal(done.is, 'done');
    const machine = await read('mustang-03');
    assert.deepEqual([machine.state, machine.board], ['ready', 'bench-uboot']);
    assert.equal(formatIpv4(machine.reserved ?? ipv4(0)), '10.77.0.3'); // .1 is ours, .2 is leased by another
    const events = await store.events.list({ limit: 10 });
    assert.deepEqual(
      events.map((event) => [event.kind, event.detail['from'], event.detail['to'], event.detail['by']]),
      [['state', 'new', 'ready', 'alice']],
    );
  });

  it('accepting twice is refused and names what is lawful', async () => {
    const { service } = await bench(sampleMachine(1));
    const no = await service.accept('board-01', {}, 'alice');
    assert.ok(no.is === 'not-now' && no.lawful.includes('deploy') && !no.lawful.includes('accept'));
  });

  it('is found by name, MAC, id and a beginning that fits only one', async () => {
    const { service } = await bench(sampleMachine(1), sampleMachine(12));
    for (const ref of ['board-01', '52:54:00:00:00:01', '52-54-00-00-00-01', 'm-sample0001', 'board-0'])
      assert.equal((await service.find(ref))?.name, 'board-01', ref);
    for (const ref of ['board-', 'board-2', '', 'm-']) assert.equal(await service.find(ref), undefined, ref);
  });

  const bad: readonly (readonly [string, Parameters<MachineService['edit']>[1], string, RegExp])[] = [
    ['a board that is not there', { board: 'nonesuch' }, 'board', /board list/],
    ['a board of another architecture', { board: 'bench-pc' }, 'board', /amd64.*arm64/],
    ['a bundle that is not there', { bundle: 'ubuntu' }, 'bundle', /bundle list/],
    ['a name with a blank', { name: 'my board' }, 'name', /letters, digits and dashes/],
    ['a name that is markup', { name: '<script>' }, 'name', /letters/],
    ['an argument with a newline', { extraArgs: ['a\nb'] }, 'extraArgs', /one kernel-argument word/],
    ['an empty argument', { extraArgs: [''] }, 'extraArgs', /one kernel-argument word/],
    ['an address of another network', { reserved: ipv4(0x0a4e0001) }, 'reserved', /outside of network rack1/],
    ['our own address', { reserved: ipv4(0x0a4d0001) }, 'reserved', /address of this server/],
    ['no MAC at all', { macs: [] }, 'macs', /at least one/],
    ['a slot without a rack', { slot: '3' }, 'slot', /needs its rack/],
    ['a slot that is none', { rack: 'r1', slot: 'top' }, 'slot', /write it like 3, 3-4/],
    ['a rack that is markup', { rack: '<b>' }, 'rack', /cannot name a rack/],
  ];
  for (const [title, edit, field, why] of bad)
    it(`${title} is refused by name, and nothing changes`, async () => {
      const { service, read } = await bench(candidate);
      const no = await service.edit('new-000007', edit, 'alice');
      assert.ok(no.is === 'bad-value' && no.field === field);
      assert.match(no.because, why);
      assert.equal((await read('new-000007')).rev, 1);
    });

  it('a bundle may be named without its version: the newest is taken and pinned', async () => {
    const { service, read } = await bench(sampleMachine(1));
    await service.edit('board-01', { bundle: 'debian' }, 'alice');
    assert.equal((await read('board-01')).bundle, 'debian@12');
    await service.edit('board-01', { bundle: null }, 'alice');
    assert.equal((await read('board-01')).bundle, undefined);
  });

  const treeFor = (compatible: string): Uint8Array =>
    encodeFdt({
      ...{ bootCpuId: 0, reservations: [] },
      root: fdtNode('', [['compatible', fromTexts(compatible)]]),
    });

  it('a device tree of its own and overlays are what was stored before, and stand in one event', async () => {
    const { service, store, read, keep } = await bench(sampleMachine(1, { board: 'bench-uboot' }));
    const [dtb, uart] = [await keep('own.dtb', treeFor('bench,uboot')), await keep('uart.dtbo', treeFor('any'))];
    assert.equal((await service.edit('board-01', { dtb, overlays: [uart] }, 'alice')).is, 'done');
    const set = await read('board-01');
    assert.deepEqual([set.dtb, set.overlays], [dtb, [uart]]);
    const [event] = await store.events.list({ limit: 10 });
    assert.equal(event?.text, `alice set device tree to ${dtb.slice(0, 16)}, overlays to ${uart.slice(0, 16)}`);
    assert.equal((await service.edit('board-01', { dtb: null, overlays: [] }, 'alice')).is, 'done');
    const cleared = await read('board-01');
    assert.deepEqual([cleared.dtb, cleared.overlays], [undefined, []]);
  });

  it('a device tree that is not stored, is none, is too large or is another board’s is refused by its field', async () => {
    const { service, read, keep } = await bench(candidate, sampleMachine(1, { board: 'bench-uboot' }));
    const text = await keep('notes.txt', Buffer.from('no device tree at all, only words'));
    const huge = await keep('huge.dtb', new Uint8Array((2 << 20) + 1));
    const strange = await keep('strange.dtb', treeFor('other,board'));
    const wrong: readonly (readonly [Parameters<MachineService['edit']>[1], string, RegExp])[] = [
      [{ overlays: [digestOf('ee')] }, 'overlays', /^eeeeeeeeeeeeeeee is not stored; send it to POST/],
      [{ overlays: [text] }, 'overlays', /^notes\.txt: /],
      [{ dtb: huge }, 'dtb', /^huge\.dtb has 2097153 octets; a device tree may have 2097152$/],
      [{ dtb: strange }, 'dtb', /is of "other,board", not of "bench,uboot".*board "bench-uboot"/],
    ];
    for (const [edit, field, why] of wrong) {
      const no = await service.edit('board-01', edit, 'alice');
      assert.ok(no.is === 'bad-value' && no.field === field, JSON.stringify(no));
      assert.match(no.because, why);
    }
    assert.equal((await read('board-01')).rev, 1);
    const accepted = await service.accept('new-000007', { board: 'bench-uboot', dtb: strange }, 'alice');
    assert.equal(accepted.is, 'bad-value');
    assert.equal((await service.edit('new-000007', { dtb: strange }, 'alice')).is, 'done', 'no board says otherwise');
  });

  it('a name that is taken is refused and says by whom', async () => {
    const { service } = await bench(sampleMachine(1), sampleMachine(2));
    const no = await service.edit('board-02', { name: 'board-01' }, 'alice');
    assert.ok(no.is === 'taken' && no.because.includes('board-01'));
  });

  it('sits in one slot of one rack, which nobody else has', async () => {
    const { service, read } = await bench(sampleMachine(1), sampleMachine(2));
    assert.equal((await service.edit('board-01', { rack: 'r1', slot: '3 - 4' }, 'alice')).is, 'done');
    const { rack, slot } = await read('board-01');
    assert.deepEqual([rack, slot], ['r1', '3-4']);
    const no = await service.edit('board-02', { rack: 'r1', slot: '4 left' }, 'alice');
    assert.ok(no.is === 'bad-value' && no.field === 'slot');
    assert.match(no.because, /board-01 sits in slot 3-4 of r1/);
    assert.equal((await service.edit('board-02', { rack: 'r2', slot: '4 left' }, 'alice')).is, 'done');
    const moved = await service.edit('board-02', { rack: 'r1' }, 'alice');
    assert.ok(moved.is === 'bad-value' && moved.field === 'slot', 'its slot goes with it, and is taken there');
    assert.equal((await service.edit('board-01', { rack: null }, 'alice')).is, 'done');
    assert.deepEqual([(await read('board-01')).rack, (await read('board-01')).slot], [undefined, undefined]);
  });

  it('two edits at once both arrive', async () => {
    const { service, read } = await bench(sampleMachine(1));
    const both = await Promise.all([
      service.edit('board-01', { extraArgs: ['quiet'] }, 'alice'),
      service.edit('52:54:00:00:00:01', { bundle: 'debian@12' }, 'bob'),
    ]);
    assert.deepEqual(
      both.map((each) => each.is),
      ['done', 'done'],
    );
    const machine = await read('board-01');
    assert.deepEqual([machine.extraArgs, machine.bundle], [['quiet'], 'debian@12']);
  });

  for (const state of STATES)
    it(`abort and force are lawful in state ${state}`, async () => {
      const deadlineMs = ['new', 'ready', 'allocated', 'deployed', 'rescue', 'broken', 'retired'].includes(state)
        ? undefined
        : 9e12;
      const { service, read } = await bench(sampleMachine(1, { state, deadlineMs }));
      assert.equal((await service.abort('board-01', 'alice')).is, 'done');
      assert.equal((await read('board-01')).deadlineMs, undefined);
      assert.equal((await service.force('board-01', 'ready', 'stuck', 'root')).is, 'done');
      const machine = await read('board-01');
      assert.deepEqual([machine.state, machine.failed, machine.ownerEpoch], ['ready', undefined, 1]);
    });

  it('a machine in use is removed only by force', async () => {
    const { service } = await bench(sampleMachine(1, { state: 'deployed' }));
    const no = await service.remove('board-01', false, 'alice');
    assert.ok(no.is === 'not-now' && no.because.includes('release it first'));
    assert.equal((await service.remove('board-01', true, 'alice')).is, 'done');
    assert.equal(await service.find('board-01'), undefined);
  });

  it('secrets go sealed to the vault, bound to machine and field, and never into the machine or an event', async () => {
    const { service, store, read } = await bench(sampleMachine(1));
    const choice = { driver: 'pdu', parameters: { outlet: 3 }, secrets: { password: 'canary' } };
    assert.equal((await service.setPower('board-01', choice, 'alice')).is, 'done');
    const machine = await read('board-01');
    const sealed = await store.secrets.ofMachine(machine.id);
    assert.equal(sealed.get('password'), `sealed:${secretContext(machine.id, 'password')}:6`);
    assert.deepEqual(machine.power, { driver: 'pdu', parameters: { outlet: 3 } });
    assert.ok(!JSON.stringify([machine, await store.events.list({ limit: 10 })]).includes('canary'));
    assert.deepEqual(await service.secretsSet('board-01'), ['password']);
  });

  it('a secret stays with its device: whoever points the setting elsewhere must give it anew', async () => {
    const { service, store } = await bench(sampleMachine(1));
    const set = (host: string, secrets: Readonly<Record<string, string>>) =>
      service.setPower('board-01', { driver: 'pdu', parameters: { host, outlet: 3 }, secrets }, 'a');
    await set('pdu-a', { password: 'x' });
    const no = await set('thief.example', {});
    assert.ok(no.is === 'bad-value' && no.field === 'password', JSON.stringify(no));
    assert.equal((await store.machines.byName('board-01'))?.power?.parameters['host'], 'pdu-a');
    assert.equal((await set('pdu-a', {})).is, 'done');
    assert.equal((await set('pdu-b', { password: 'y' })).is, 'done');
  });

  it('a secret that is set stays when the form leaves it out, and goes with the power setting', async () => {
    const { service } = await bench(sampleMachine(1));
    await service.setPower('board-01', { driver: 'pdu', parameters: { outlet: 3 }, secrets: { password: 'x' } }, 'a');
    assert.equal(
      (await service.setPower('board-01', { driver: 'pdu', parameters: { outlet: 4 }, secrets: {} }, 'a')).is,
      'done',
    );
    assert.deepEqual(await service.secretsSet('board-01'), ['password']);
    assert.equal((await service.setPower('board-01', undefined, 'a')).is, 'done');
    assert.deepEqual(await service.secretsSet('board-01'), []);
  });

  it('an unknown driver is refused with those there are; an outlet of another machine too', async () => {
    const { service } = await bench(sampleMachine(1), sampleMachine(2));
    const no = await service.setPower('board-01', { driver: 'amt', parameters: {}, secrets: {} }, 'a');
    assert.ok(no.is === 'bad-value' && no.because.includes('pdu'));
    const same = { driver: 'pdu', parameters: { outlet: 3 }, secrets: { password: 'x' } };
    await service.setPower('board-01', same, 'a');
    const taken = await service.setPower('board-02', same, 'a');
    assert.ok(taken.is === 'taken' && taken.because.includes('board-01'));
  });
});
