import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { contains, ipv4, parseIpv4, type Ipv4, type Mac } from '../../server/core/address.ts';
import type { BootRequest, UnknownPolicy } from '../../server/core/boot-plan.ts';
import type { FarrierEvent } from '../../server/core/event.ts';
import type { Network } from '../../server/core/lease.ts';
import type { Machine } from '../../server/core/machine.ts';
import type { Rng } from '../../server/ports/rng.ts';
import { StaleWrite, type Store } from '../../server/ports/store.ts';
import { createEnlistService, type EnlistEvidence, type EnlistService } from '../../server/services/enlist.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { mac, sampleMachine } from '../support/samples.ts';

const TOKEN = 'ab'.repeat(16);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const FROM = ipv4(0x0a4d0064);

function golden(arch: string): Readonly<Record<string, string>> {
  const path = new URL(`../golden/agent/${arch}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
}

function network(unknown: UnknownPolicy = 'enlist', name = 'rack1'): Network {
  const subnet = { network: ipv4(0x0a4d0000), prefix: 24 };
  const address = parseIpv4('10.77.0.1');
  assert.ok(address.ok);
  return {
    ...{
      name,
      interface: 'eth1',
      giaddr: undefined,
      subnet,
      address: address.value,
      dhcp: 'full',
      authoritative: true,
    },
    ...{ pools: [], router: undefined, dns: [], leaseS: 3600, probe: 'none', unknown },
  };
}

function request(from: Mac, change: Partial<BootRequest> = {}): BootRequest {
  return {
    ...{ mac: from, clientArch: 22, vendorClass: 'U-Boot.armv8', userClass: undefined, systemUuid: undefined },
    ...{ loader: undefined, arch: undefined, format: undefined, ...change },
  };
}

/** Counts up: unlike in life, what comes out is known. */
function countingRng(): Rng {
  let next = 0;
  return {
    octets: (count) => {
      next += 1;
      return Uint8Array.from({ length: count }, (_, at) => (at < 4 ? (next >> (5 * at)) & 31 : 0));
    },
  };
}

interface World {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly enlist: EnlistService;
  readonly seen: EnlistEvidence[];
  /** Who has which address. */
  readonly leases: Map<Ipv4, Mac>;
  events(): Promise<readonly FarrierEvent[]>;
  /** A boot under way of a machine that is there, with TOKEN as its token. */
  booting(machine: Machine): Promise<void>;
}

function createWorld(change: (store: Store) => Store = (store) => store): World {
  const clock = createFakeClock();
  const store = change(createMemoryStore(clock));
  const seen: EnlistEvidence[] = [];
  const leases = new Map<Ipv4, Mac>();
  const enlist = createEnlistService({
    machines: store.machines,
    boots: store.boots,
    events: store.events,
    isHolderKnown: (address) => contains(network().subnet, address),
    macOfAddress: (address) => leases.get(address),
    clock,
    rng: countingRng(),
    sha256,
    seen: () => Promise.resolve([]),
    recognise: (evidence) => {
      seen.push(evidence);
      if (evidence.facts?.dtCompatible.includes('linux,dummy-virt') === true)
        return { board: 'qemu-virt', evidence: ['the device tree says so'] };
      return evidence.clientArch === 22 ? { board: 'generic-arm64', evidence: ['option 93 is 22'] } : undefined;
    },
  });
  return {
    ...{ clock, store, enlist, seen, leases },
    events: () => store.events.list({ limit: 10_000 }),
    booting: async (machine) => {
      const known = await store.machines.byId(machine.id);
      if (!known) await store.machines.add(machine, []);
      const [own] = machine.macs;
      if (own !== undefined) leases.set(FROM, own);
      const record = {
        id: 'b-1',
        machine: machine.id,
        startedMs: clock.now(),
        tokenHash: sha256(TOKEN),
        plan: 'agent',
      };
      await store.boots.add(record);
    },
  };
}

const words = (events: readonly FarrierEvent[]): string => events.map((event) => event.text).join('\n');
const nth = (n: number): Mac =>
  mac(`52:54:${[24, 16, 8, 0].map((shift) => ((n >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`);

describe('enlist: machines met by their packets', () => {
  const board = mac('52:54:00:aa:bb:02');

  it('a stranger becomes a new machine with a proposed name, what it said, and an event', async () => {
    const world = createWorld();
    const machine = await world.enlist.meet(board, network(), request(board));
    assert.equal(machine?.name, 'new-aabb02');
    assert.equal(machine.state, 'new');
    assert.match(machine.id, /^m-[a-z2-7]{10}$/);
    assert.equal(machine.arch, 'arm64');
    assert.deepEqual(machine.firmware, {
      ...{ clientArch: 22, vendorClass: 'U-Boot.armv8', userClass: undefined },
      ...{ loader: 'u-boot', loaderVersion: undefined },
    });
    assert.equal(machine.recognised?.board, 'generic-arm64');
    const [event, ...others] = await world.events();
    assert.equal(others.length, 0);
    assert.match(event?.text ?? '', /^met by DHCP on rack1 as 52:54:00:aa:bb:02.*looks like generic-arm64$/);
    assert.equal(event?.machine, machine.id);
  });

  for (const unknown of ['ignore', 'local-disk'] as const)
    it(`policy ${unknown}: a stranger stays one`, async () => {
      const world = createWorld();
      assert.equal(await world.enlist.meet(board, network(unknown), request(board)), undefined);
      assert.deepEqual(await world.store.machines.list(), []);
    });

  it('whatever the policy, a known machine is known', async () => {
    const world = createWorld();
    await world.store.machines.add(sampleMachine(1, { macs: [board] }), []);
    assert.equal((await world.enlist.meet(board, network('ignore'), request(board)))?.name, 'board-01');
  });

  for (const never of ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '00:00:00:00:00:00'])
    it(`${never} is nobody`, async () => {
      const world = createWorld();
      assert.equal(await world.enlist.meet(mac(never), network(), request(mac(never))), undefined);
      assert.deepEqual(await world.store.machines.list(), []);
    });

  it('a board that asks four times at once is one row', async () => {
    const world = createWorld();
    const answers = await Promise.all([1, 2, 3, 4].map(() => world.enlist.meet(board, network(), request(board))));
    assert.equal(new Set(answers.map((machine) => machine?.id)).size, 1);
    assert.equal((await world.store.machines.list()).length, 1);
    assert.equal((await world.events()).length, 1);
  });

  it('two boards whose MACs end alike both get a name', async () => {
    const world = createWorld();
    const [a, b] = [mac('52:54:00:aa:bb:02'), mac('52:54:01:aa:bb:02')];
    const names = await Promise.all(
      [a, b].map(async (each) => (await world.enlist.meet(each, network(), request(each)))?.name),
    );
    assert.deepEqual(names.sort(), ['new-aabb02', 'new-aabb02-1']);
  });

  it('being seen is written once a minute', async () => {
    const world = createWorld();
    const first = await world.enlist.meet(board, network(), request(board));
    for (let n = 0; n < 50; n += 1) {
      world.clock.advance(1000);
      await world.enlist.meet(board, network(), request(board));
    }
    assert.equal((await world.store.machines.byMac(board))?.rev, first?.rev);
    world.clock.advance(10_000);
    const later = await world.enlist.meet(board, network(), request(board));
    assert.equal(later?.rev, 2);
    assert.equal(later.seenMs, world.clock.now());
  });

  it('another identity of the firmware is written at once, but once a second', async () => {
    const world = createWorld();
    await world.enlist.meet(board, network(), request(board));
    const efi = { clientArch: 11, vendorClass: 'PXEClient:Arch:00011:UNDI:003000' };
    assert.equal((await world.enlist.meet(board, network(), request(board, efi)))?.firmware?.clientArch, 22);
    world.clock.advance(1000);
    assert.equal((await world.enlist.meet(board, network(), request(board, efi)))?.firmware?.clientArch, 11);
  });

  it('the DHCP client of a running system says nothing of the firmware', async () => {
    const world = createWorld();
    await world.enlist.meet(board, network(), request(board));
    world.clock.advance(61_000);
    const udhcpc = { clientArch: undefined, vendorClass: 'udhcp 1.35.0' };
    const machine = await world.enlist.meet(board, network(), request(board, udhcpc));
    assert.equal(machine?.firmware?.clientArch, 22);
    assert.equal(machine.seenMs, world.clock.now());
  });

  it('an accepted machine keeps its network and what it was recognised as', async () => {
    const world = createWorld();
    await world.store.machines.add(sampleMachine(1, { macs: [board], recognised: undefined }), []);
    world.clock.advance(5000);
    const machine = await world.enlist.meet(board, network('enlist', 'rack2'), request(board));
    assert.equal(machine?.network, 'rack1');
    assert.equal(machine.recognised, undefined);
    assert.equal(machine.firmware?.clientArch, 22);
  });

  it('a candidate that is carried to another rack moves along', async () => {
    const world = createWorld();
    await world.enlist.meet(board, network(), request(board));
    world.clock.advance(5000);
    assert.equal((await world.enlist.meet(board, network('enlist', 'rack2'), request(board)))?.network, 'rack2');
  });

  it('a write that came in between does not fail the request', async () => {
    const world = createWorld((store) => ({
      ...store,
      machines: { ...store.machines, change: () => Promise.reject(new StaleWrite('somebody was quicker')) },
    }));
    await world.enlist.meet(board, network(), request(board));
    world.clock.advance(61_000);
    assert.equal((await world.enlist.meet(board, network(), request(board)))?.name, 'new-aabb02');
  });

  it('a vendor class of any length is cut at 255', async () => {
    const world = createWorld();
    const machine = await world.enlist.meet(board, network(), request(board, { vendorClass: 'x'.repeat(2000) }));
    assert.equal(machine?.firmware?.vendorClass?.length, 255);
  });
});

describe('enlist: floods (threat model, row 18)', () => {
  it('200 boards that enlist at once lose none', async () => {
    const world = createWorld();
    const boards = Array.from({ length: 200 }, (_, n) => nth(n));
    const met = await Promise.all(boards.map((each) => world.enlist.meet(each, network(), request(each))));
    assert.equal(met.filter(Boolean).length, 200);
    assert.equal((await world.store.machines.list()).length, 200);
  });

  it('10,000 made-up MACs: 300 rows, one warning, and known machines are served as ever', async () => {
    const world = createWorld();
    const known = mac('52:54:99:00:00:01');
    await world.store.machines.add(sampleMachine(1, { macs: [known] }), []);
    for (let n = 0; n < 10_000; n += 1) await world.enlist.meet(nth(n), network(), request(nth(n)));
    assert.equal((await world.enlist.meet(known, network(), request(known)))?.name, 'board-01');
    assert.equal((await world.store.machines.list()).length, 301);
    await settle();
    const warnings = (await world.events()).filter((event) => event.kind === 'security');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.text ?? '', /making up MAC addresses/);
  });

  it('ten a second go on being met', async () => {
    const world = createWorld();
    for (let n = 0; n < 400; n += 1) await world.enlist.meet(nth(n), network(), request(nth(n)));
    world.clock.advance(1000);
    for (let n = 400; n < 500; n += 1) await world.enlist.meet(nth(n), network(), request(nth(n)));
    assert.equal((await world.store.machines.list()).length, 310);
  });

  it('of more than 1000 candidates the oldest is forgotten, accepted machines never', async () => {
    const world = createWorld();
    const accepted = sampleMachine(1, { macs: [mac('52:54:99:00:00:01')], createdMs: 1 });
    await world.store.machines.add(accepted, []);
    for (let n = 0; n < 1001; n += 1) {
      await world.enlist.meet(nth(n), network(), request(nth(n)));
      world.clock.advance(100);
    }
    const machines = await world.store.machines.list();
    assert.equal(machines.length, 1001);
    assert.ok(machines.some((machine) => machine.id === accepted.id));
    assert.equal(await world.store.machines.byMac(nth(0)), undefined);
    assert.match(words(await world.events()), /"new-000000" was forgotten: more than 1000 machines wait/);
  });
});

describe('enlist: what agents send', () => {
  const own = mac('52:54:00:aa:bb:02');
  const candidate = (change: Partial<Machine> = {}): Machine =>
    sampleMachine(2, { state: 'new', name: 'new-aabb02', macs: [own], arch: undefined, ...change });

  it('facts of a candidate: name, architecture, board, with their events, and the token is void', async () => {
    const world = createWorld();
    await world.booting(candidate());
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'));
    assert.ok(outcome.is === 'done');
    assert.equal(outcome.machine.name, 'linux-dummy-virt-1');
    assert.equal(outcome.machine.arch, 'arm64');
    assert.equal(outcome.machine.facts?.cpuModel, 'ARM Cortex-A57');
    assert.equal(outcome.machine.recognised?.board, 'qemu-virt');
    assert.equal(outcome.machine.state, 'new', 'nobody but an operator accepts it');
    const told = words(await world.events());
    assert.match(told, /facts: linux,dummy-virt, arm64, 1 CPU, 726 MiB, 2 disks, 1 NIC/);
    assert.match(told, /looks like qemu-virt: the device tree says so/);
    assert.match(told, /renamed from new-aabb02 to linux-dummy-virt-1/);
    const facts = (await world.events()).find((event) => event.text.startsWith('facts'));
    assert.equal(facts?.boot, 'b-1');
    assert.match(String(facts.detail['fdtSha256']), /^[0-9a-f]{64}$/);
    assert.equal((await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'))).is, 'forbidden');
    assert.equal((await world.enlist.agentStep(TOKEN, FROM, 'again')).is, 'forbidden');
  });

  it('the token appears in no event and no fact', async () => {
    const world = createWorld();
    await world.booting(candidate());
    await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'));
    assert.ok(!JSON.stringify([await world.events(), await world.store.machines.list()]).includes(TOKEN));
  });

  it('a name somebody chose stays', async () => {
    const world = createWorld();
    await world.booting(candidate({ name: 'mustang-left' }));
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'));
    assert.ok(outcome.is === 'done');
    assert.equal(outcome.machine.name, 'mustang-left');
  });

  it('on an accepted machine facts change nothing but the facts', async () => {
    const world = createWorld();
    const before = sampleMachine(2, { macs: [mac('52:54:00:00:00:77')], arch: 'armhf', recognised: undefined });
    await world.booting(before);
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'));
    assert.ok(outcome.is === 'done');
    const { facts, rev, seenMs } = outcome.machine;
    assert.deepEqual(outcome.machine, { ...before, facts, rev, seenMs });
    assert.equal(facts?.arch, 'arm64');
    assert.deepEqual([rev, seenMs], [2, world.clock.now()]);
  });

  it('a MAC of somebody else is told and not taken', async () => {
    const world = createWorld();
    await world.store.machines.add(sampleMachine(7, { name: 'victim', macs: [own] }), []);
    await world.booting(candidate({ macs: [mac('52:54:00:00:00:66')] }));
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'));
    assert.ok(outcome.is === 'done');
    assert.deepEqual(outcome.machine.macs, ['52:54:00:00:00:66']);
    const conflict = (await world.events()).find((event) => event.kind === 'security');
    assert.match(conflict?.text ?? '', /claims 52:54:00:aa:bb:02, which belongs to "victim"/);
    assert.equal(conflict?.severity, 'warning');
    assert.deepEqual((await world.store.machines.byName('victim'))?.rev, 1, 'the victim is untouched');
  });

  it('further MACs of its own join the one it boots from', async () => {
    const world = createWorld();
    await world.booting(candidate());
    const net = ['eth0/address:52:54:00:00:00:31', 'eth0/type:1', `eth1/address:${own}`, 'eth1/type:1'];
    const raw = { uname: 'Linux 6.1 aarch64', net: net.map((line) => `/sys/class/net/${line}`).join('\n') };
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, raw);
    assert.ok(outcome.is === 'done');
    assert.deepEqual(outcome.machine.macs, [own, '52:54:00:00:00:31']);
  });

  it('a system UUID that others have too is a warning and no key', async () => {
    const world = createWorld();
    const uuid = 'daf5ab7e-f6f5-53cd-9583-3dd819d43414';
    await world.store.machines.add(sampleMachine(7, { name: 'twin', systemUuid: uuid }), []);
    await world.booting(candidate({ name: 'new-aabb01', macs: [mac('52:54:00:aa:bb:01')] }));
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, golden('amd64'));
    assert.ok(outcome.is === 'done');
    assert.equal(outcome.machine.systemUuid, uuid);
    assert.match(words(await world.events()), /shares its system UUID with "twin"/);
  });

  it('a write in between is decided again on what is there now', async () => {
    let quicker = true;
    const world = createWorld((store) => ({
      ...store,
      machines: {
        ...store.machines,
        change: async (seen, change, events) => {
          if (quicker) {
            quicker = false;
            await store.machines.change(seen, { state: 'ready', name: 'taken-in' }, []);
          }
          return store.machines.change(seen, change, events);
        },
      },
    }));
    await world.booting(candidate());
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'));
    assert.ok(outcome.is === 'done');
    assert.equal(outcome.machine.name, 'taken-in', 'accepted in between: only facts');
    assert.equal(outcome.machine.recognised, undefined);
  });

  it('steps are events of the boot, in plain words', async () => {
    const world = createWorld();
    await world.booting(candidate());
    const outcome = await world.enlist.agentStep(TOKEN, FROM, 'address on eth0\u001b[31m after 4 s');
    assert.equal(outcome.is, 'done');
    const [event] = await world.events();
    assert.equal(event?.text, 'agent: address on eth0 [31m after 4 s');
    assert.deepEqual([event.kind, event.boot, event.machine], ['agent', 'b-1', candidate().id]);
    assert.equal((await world.enlist.agentStep(TOKEN, FROM, ' \u0000 ')).is, 'bad-value');
  });

  const tokens: readonly (readonly [string, string])[] = [
    ['empty', ''],
    ['short', 'ab'],
    ['in upper case', 'AB'.repeat(16)],
    ['longer', `${TOKEN}00`],
    ['of another boot', 'cd'.repeat(16)],
    ['a hash instead of the token', sha256(TOKEN)],
    ['with a line end', `${TOKEN}\n`],
    ['"undefined"', 'undefined'],
  ];
  for (const [title, token] of tokens)
    it(`a token that is ${title} is refused`, async () => {
      const world = createWorld();
      await world.booting(candidate());
      assert.equal((await world.enlist.agentFacts(token, FROM, golden('arm64'))).is, 'forbidden');
      assert.equal((await world.enlist.agentStep(token, FROM, 'x')).is, 'forbidden');
      assert.equal((await world.store.machines.byId(candidate().id))?.rev, 1);
      assert.deepEqual(await world.events(), []);
    });

  it('the token of boot n does not work in boot n+1', async () => {
    const world = createWorld();
    await world.booting(candidate());
    const next = { id: 'b-2', machine: candidate().id, startedMs: world.clock.now(), plan: 'agent' };
    await world.store.boots.add({ ...next, tokenHash: sha256('cd'.repeat(16)) });
    assert.equal((await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'))).is, 'forbidden');
    assert.equal((await world.enlist.agentFacts('cd'.repeat(16), FROM, golden('arm64'))).is, 'done');
  });

  it('a token lives for a day', async () => {
    const world = createWorld();
    await world.booting(candidate());
    world.clock.advance(86_400_000);
    assert.equal((await world.enlist.agentStep(TOKEN, FROM, 'x')).is, 'done');
    world.clock.advance(1);
    assert.equal((await world.enlist.agentStep(TOKEN, FROM, 'x')).is, 'forbidden');
  });

  it("a stolen token is worth nothing at another board's address, and its owner's timeline says so", async () => {
    const world = createWorld();
    await world.booting(candidate());
    const [thief, unleased] = [ipv4(FROM + 1), ipv4(FROM + 2)];
    world.leases.set(thief, mac('52:54:00:00:00:66'));
    for (const from of [thief, unleased]) {
      assert.equal((await world.enlist.agentFacts(TOKEN, from, golden('arm64'))).is, 'forbidden');
      assert.equal((await world.enlist.agentStep(TOKEN, from, 'x')).is, 'forbidden');
    }
    const told = (await world.events()).filter((event) => event.kind === 'security');
    assert.equal(told.length, 4);
    assert.match(told[0]?.text ?? '', /from 10\.77\.0\.101, which belongs to 52:54:00:00:00:66: refused/);
    assert.ok(!JSON.stringify(told).includes(TOKEN));
    assert.equal((await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'))).is, 'done', 'the owner may still');
  });

  it('where another server leases the addresses only the token counts', async () => {
    const world = createWorld();
    await world.booting(candidate());
    assert.equal((await world.enlist.agentFacts(TOKEN, ipv4(0x0a580001), golden('arm64'))).is, 'done');
  });

  it('the same facts twice at once are taken once', async () => {
    const world = createWorld();
    await world.booting(candidate());
    const both = [1, 2].map(() => world.enlist.agentFacts(TOKEN, FROM, golden('arm64')));
    assert.deepEqual((await Promise.all(both)).map((outcome) => outcome.is).sort(), ['done', 'forbidden']);
  });

  it('rubbish is refused and costs the token nothing', async () => {
    const world = createWorld();
    await world.booting(candidate());
    const outcome = await world.enlist.agentFacts(TOKEN, FROM, { hello: 'world' });
    assert.equal(outcome.is, 'bad-value');
    assert.equal((await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'))).is, 'done');
  });

  it('a machine that was removed meanwhile: forbidden', async () => {
    const world = createWorld();
    const machine = candidate();
    await world.store.boots.add({ id: 'b-9', machine: machine.id, startedMs: 0, tokenHash: sha256(TOKEN), plan: '' });
    assert.equal((await world.enlist.agentFacts(TOKEN, FROM, golden('arm64'))).is, 'forbidden');
    assert.equal((await world.enlist.agentStep(TOKEN, FROM, 'x')).is, 'forbidden');
  });

  it('ten posts a minute from one address, then no more; other addresses are not touched', async () => {
    const world = createWorld();
    await world.booting(candidate());
    world.leases.set(ipv4(FROM + 1), own);
    const post = async (from: number): Promise<string> => (await world.enlist.agentStep(TOKEN, ipv4(from), 'x')).is;
    for (let n = 0; n < 10; n += 1) assert.equal(await post(FROM), 'done');
    assert.equal(await post(FROM), 'forbidden');
    assert.equal(await post(FROM + 1), 'done');
    world.clock.advance(60_000);
    assert.equal(await post(FROM), 'done');
  });
});
