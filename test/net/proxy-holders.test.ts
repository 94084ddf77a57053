import { strict as assert } from 'node:assert';
import { ipv4, type Ipv4, type Mac } from '../../server/core/address.ts';
import type { Neighbour } from '../../server/net/neighbours.ts';
import { createProxyHolders, type ProxyHolders } from '../../server/net/proxy-holders.ts';
import { ip, macNo } from '../support/dhcp-lab.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';

const ADDRESS = ip('10.77.0.50');

interface Scene {
  readonly holders: ProxyHolders;
  readonly clock: FakeClock;
  readonly table: Map<Ipv4, Neighbour>;
  readonly reads: () => number;
  fails: boolean;
}

function scene(): Scene {
  const [clock, table] = [createFakeClock(), new Map<Ipv4, Neighbour>()];
  let reads = 0;
  const it: Scene = {
    ...{ clock, table, reads: () => reads, fails: false },
    holders: createProxyHolders(clock, () => {
      reads += 1;
      return it.fails ? Promise.reject(new Error('no ip')) : Promise.resolve(new Map(table));
    }),
  };
  return it;
}
const is = (mac: Mac): Neighbour => ({ mac, isReachable: true });

describe('net/proxy-holders', () => {
  it('without a neighbour on record the board’s own claim counts, the latest one', async () => {
    const { holders, clock } = scene();
    assert.equal(await holders.holderOf(ADDRESS, 'eth1'), undefined);
    holders.claimed(macNo(1), ADDRESS);
    assert.equal(await clock.until(holders.holderOf(ADDRESS, 'eth1')), macNo(1));
    holders.claimed(macNo(2), ADDRESS);
    assert.equal(await clock.until(holders.holderOf(ADDRESS, 'eth1')), macNo(2));
  });

  it('3 a claim to an address that the wire knows another board by is worth nothing', async () => {
    const { holders, clock, table } = scene();
    table.set(ADDRESS, is(macNo(1)));
    holders.claimed(macNo(66), ADDRESS);
    assert.equal(await holders.holderOf(ADDRESS, 'eth1'), macNo(1));
    holders.claimed(macNo(66), ADDRESS);
    assert.equal(await clock.until(holders.holderOf(ADDRESS, 'eth1')), macNo(1));
  });

  it('3 18 a board’s MAC claimed for a guest’s own address does not make the guest that board', async () => {
    const { holders, table } = scene();
    const guest = ip('10.77.0.66');
    table.set(guest, is(macNo(66)));
    holders.claimed(macNo(1), guest);
    assert.equal(await holders.holderOf(guest, 'eth1'), macNo(66));
  });

  it('what the kernel said is believed for a minute, unless somebody claims the address', async () => {
    const { holders, clock, table, reads } = scene();
    table.set(ADDRESS, is(macNo(1)));
    await holders.holderOf(ADDRESS, 'eth1');
    holders.claimed(macNo(1), ADDRESS);
    await holders.holderOf(ADDRESS, 'eth1');
    assert.equal(reads(), 1);
    table.set(ADDRESS, is(macNo(2)));
    clock.advance(60_000);
    assert.equal(await holders.holderOf(ADDRESS, 'eth1'), macNo(2));
  });

  it('behind a relay there is only the claim', async () => {
    const { holders, reads } = scene();
    holders.claimed(macNo(1), ADDRESS);
    assert.equal(await holders.holderOf(ADDRESS, undefined), macNo(1));
    assert.equal(reads(), 0);
  });

  it('a table that cannot be read leaves the claim', async () => {
    const it = scene();
    it.fails = true;
    it.holders.claimed(macNo(1), ADDRESS);
    assert.equal(await it.holders.holderOf(ADDRESS, 'eth1'), macNo(1));
  });

  it('20 a flood of questions reads the table twenty times a second, and claims do not grow without end', async () => {
    const { holders, clock, reads } = scene();
    const asked = Array.from({ length: 500 }, (_, n) => holders.holderOf(ipv4(0x0a4d0000 + n), 'eth1'));
    await settle();
    const later = Array.from({ length: 500 }, (_, n) => holders.holderOf(ipv4(0x0a4d0000 + n), 'eth1'));
    await settle();
    assert.equal(reads(), 1);
    await clock.pass(50);
    await Promise.all([...asked, ...later]);
    assert.equal(reads(), 2);
    for (let n = 0; n < 10_000; n += 1) holders.claimed(macNo(1), ipv4(0x0b000000 + n));
    assert.equal(await holders.holderOf(ipv4(0x0b000000), undefined), undefined, 'the oldest is forgotten');
    assert.equal(await holders.holderOf(ipv4(0x0b000000 + 9_999), undefined), macNo(1));
  });
});
