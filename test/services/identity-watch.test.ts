import { strict as assert } from 'node:assert';
import type { Mac } from '../../server/core/address.ts';
import type { NewEvent } from '../../server/core/event.ts';
import type { Machine } from '../../server/core/machine.ts';
import { createIdentityWatch, type IdentityWatch } from '../../server/services/identity-watch.ts';
import { createDhcpAdvisor } from '../../server/services/serve-boot.ts';
import { MAC, machine, macFrom } from '../core/boot-fixtures.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { layBench, rack1, ubootRequest } from './boot-bench.ts';

const UUID = 'daf5ab7e-f6f5-53cd-9583-3dd819d43414';
const [A, B, C] = [MAC, macFrom('52:54:00:00:00:02'), macFrom('52:54:00:00:00:03')];
const boardA: Machine = { ...machine, macs: [A, C] };
const boardB: Machine = { ...machine, name: 'mustang-04', macs: [B] };

interface Bench {
  readonly watch: IdentityWatch;
  readonly told: NewEvent[];
  readonly clock: FakeClock;
}

function bench(): Bench {
  const told: NewEvent[] = [];
  const clock = createFakeClock();
  const of = (mac: Mac): Machine | undefined => [boardA, boardB].find((each) => each.macs.includes(mac));
  const watch = createIdentityWatch({
    machines: { byMac: (mac) => Promise.resolve(of(mac)) },
    timeline: { add: (event) => told.push(event) },
    clock,
  });
  return { watch, told, clock };
}

describe('services/identity-watch', () => {
  it('C5 two machines that show one UUID are told of, once an hour, and named', async () => {
    const { watch, told, clock } = bench();
    for (let round = 0; round < 5; round += 1) {
      await watch.sawUuid(boardA, A, UUID);
      await watch.sawUuid(boardB, B, UUID);
    }
    assert.equal(told.length, 1);
    assert.match(told[0]?.text ?? '', /"mustang-04" \(52:54:00:00:00:02\) and "mustang-03" .* same system UUID/);
    assert.deepEqual([told[0]?.kind, told[0]?.severity], ['security', 'warning']);
    clock.advance(3_600_000);
    await watch.sawUuid(boardA, A, UUID);
    assert.equal(told.length, 2);
  });

  it('C5 two ports of one machine share its UUID; so do stages of one boot', async () => {
    const { watch, told } = bench();
    for (const mac of [A, C, A, A]) await watch.sawUuid(boardA, mac, UUID);
    assert.deepEqual(told, []);
    await watch.sawUuid(boardB, B, UUID);
    assert.equal(told.length, 1, 'which does not hide a real conflict');
  });

  for (const [title, uuid] of [
    ['none', undefined],
    ['all zeros', '00000000-0000-0000-0000-000000000000'],
    ['all ones', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  ] as const)
    it(`C5 a UUID that is no identity is none: ${title}`, async () => {
      const { watch, told } = bench();
      await watch.sawUuid(boardA, A, uuid);
      await watch.sawUuid(boardB, B, uuid);
      assert.deepEqual(told, []);
    });

  it('C5 one MAC on two switch ports at once is told of', () => {
    const { watch, told, clock } = bench();
    watch.sawPort({ mac: A, network: 'rack1', relayPort: '0a/' });
    clock.advance(1000);
    watch.sawPort({ mac: A, network: 'rack1', relayPort: '0b/' });
    watch.sawPort({ mac: A, network: 'rack1', relayPort: '0a/' });
    assert.equal(told.length, 1);
    assert.match(told[0]?.text ?? '', /asks on two switch ports of rack1, 0a\/ and 0b\//);
  });

  it('C5 a board that was moved, another network, and messages without a port are no conflict', () => {
    const { watch, told, clock } = bench();
    watch.sawPort({ mac: A, network: 'rack1', relayPort: '0a/' });
    watch.sawPort({ mac: A, network: 'rack1', relayPort: undefined });
    watch.sawPort({ mac: A, network: 'rack2', relayPort: '0c/' });
    watch.sawPort({ mac: B, network: 'rack1', relayPort: '0b/' });
    clock.advance(600_000);
    watch.sawPort({ mac: A, network: 'rack1', relayPort: '0b/' });
    assert.deepEqual(told, []);
  });

  it('a flood of identities does not grow its memory, and who speaks is remembered longest', async () => {
    const { watch, told } = bench();
    watch.sawPort({ mac: A, network: 'rack1', relayPort: '0a/' });
    for (let n = 0; n < 5000; n += 1) watch.sawPort({ mac: B, network: `n${n}`, relayPort: 'x/' });
    watch.sawPort({ mac: A, network: 'rack1', relayPort: '0b/' });
    assert.deepEqual(told, [], 'forgotten');
    await watch.sawUuid(boardA, A, UUID);
    await watch.sawUuid(boardB, B, UUID);
    assert.equal(told.length, 1);
  });

  it('C5 the advisor tells what it sees, and answers each by its MAC', async () => {
    const lab = layBench(machine);
    await lab.store.machines.add({ ...boardB, id: 'm-bbbbbbbbbb' as Machine['id'] }, []);
    const advisor = createDhcpAdvisor(lab.deps);
    const first = await advisor.advise({ ...ubootRequest(A), systemUuid: UUID }, rack1, true);
    const second = await advisor.advise({ ...ubootRequest(B), systemUuid: UUID }, rack1, true);
    assert.deepEqual([first.machine?.name, second.machine?.name], ['mustang-03', 'mustang-04']);
    const told = (await lab.events()).filter((event) => event.kind === 'security');
    assert.equal(told.length, 1);
  });
});
