import { strict as assert } from 'node:assert';
import { serverEvent, serverNotices } from '../../server/daemon/server-news.ts';
import type { Rival } from '../../server/net/rival.ts';
import { ip, macNo, network } from '../support/dhcp-lab.ts';

const FULL = network({ name: 'office', interface: 'eth1' });
const PROXY = network({ name: 'rack1', interface: 'eth2', dhcp: 'proxy' });
const FAR = network({ name: 'rack2', interface: undefined, giaddr: ip('10.78.0.1'), dhcp: 'proxy' });
const NETWORKS = [FULL, PROXY, FAR];

function rival(device: string, change: Partial<Rival> = {}): Rival {
  const serverId = ip('10.77.0.9');
  const who = { interface: device, serverId, source: serverId, mac: macNo(9), seen: 'OFFER to our probe' };
  return { ...who, toProbe: true, isProxy: false, ...change };
}
const told = (is: 'seen' | 'gone', about: Rival): readonly [string, string] => {
  const event = serverEvent({ is, rival: about }, NETWORKS, 7);
  assert.deepEqual([event.atMs, event.kind, event.detail['is']], [7, 'network', is]);
  return [event.severity, event.text];
};

describe('daemon/server-news', () => {
  it('9 where we give the addresses another server is bad news, with address and MAC, and its end good', () => {
    const [severity, text] = told('seen', rival('eth1'));
    assert.equal(severity, 'bad');
    assert.match(text, /another DHCP server answers: 10\.77\.0\.9 \(52:54:00:00:00:09\) on eth1: .*; switch it off/);
    assert.deepEqual(serverEvent({ is: 'seen', rival: rival('eth1') }, NETWORKS, 0).detail, {
      ...{ interface: 'eth1', is: 'seen', server: '10.77.0.9', mac: macNo(9) },
    });
    assert.match(told('gone', rival('eth1')).join(' '), /^good the other DHCP server is gone: 10\.77\.0\.9/);
  });

  it('in proxy mode the same server is what is wanted, and its end a warning', () => {
    assert.match(told('seen', rival('eth2')).join(' '), /^note the DHCP server of rack1 is 10\.77\.0\.9/);
    assert.match(told('seen', rival('rack2')).join(' '), /^note the DHCP server of rack2 is/, 'behind a relay');
    assert.match(told('gone', rival('eth2')).join(' '), /^warning the DHCP server of rack1 has stopped answering/);
    assert.match(
      told('seen', rival('eth2', { isProxy: true })).join(' '),
      /^bad another server tells machines what to boot/,
    );
  });

  it('nobody that gives addresses is a warning that names the network and both remedies', () => {
    const { severity, text, detail } = serverEvent({ is: 'nobody', interface: 'eth2' }, NETWORKS, 0);
    assert.equal(severity, 'warning');
    assert.match(text, /nobody gives addresses on rack1: .*start that network’s DHCP server, or set "dhcp: full"/);
    assert.deepEqual(detail, { interface: 'eth2', is: 'nobody' });
  });

  it('above the rack stand rivals and networks without a server, not the server that is wanted', () => {
    const present = [rival('eth1'), rival('eth2')];
    const notices = serverNotices({ present, lacking: ['eth2'] }, NETWORKS);
    assert.deepEqual(
      notices.map((notice) => notice.tone),
      ['bad', 'warning'],
    );
    assert.deepEqual(serverNotices({ present: [rival('eth2')], lacking: [] }, NETWORKS), []);
  });

  it('of a flood three are named and the rest counted', () => {
    const present = Array.from({ length: 10 }, (_, n) => rival('eth1', { serverId: ip(`10.77.0.${String(n + 20)}`) }));
    const words = serverNotices({ present, lacking: [] }, NETWORKS).map((notice) => notice.text);
    assert.equal(words.length, 4);
    assert.equal(words[3], '… and 7 more DHCP servers that are not Farrier');
  });
});
