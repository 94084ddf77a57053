import { strict as assert } from 'node:assert';
import { parseInterfaces } from '../../server/net/interfaces.ts';
import { parseNeighbours } from '../../server/net/neighbours.ts';
import { ip, mac } from '../support/dhcp-lab.ts';

describe('net/interfaces', () => {
  it('reads what ip -j -4 addr prints, interfaces without carrier included', () => {
    const json = JSON.stringify([
      {
        ifindex: 1,
        ifname: 'lo',
        operstate: 'UNKNOWN',
        addr_info: [{ family: 'inet', local: '127.0.0.1', prefixlen: 8 }],
      },
      { ifindex: 7, ifname: 'tap0', operstate: 'DOWN', addr_info: [{ local: '10.77.0.1' }, { local: '10.77.0.2' }] },
    ]);
    assert.deepEqual(parseInterfaces(json), [
      { name: 'lo', index: 1, addresses: [ip('127.0.0.1')] },
      { name: 'tap0', index: 7, addresses: [ip('10.77.0.1'), ip('10.77.0.2')] },
    ]);
  });

  it('passes over rows of another shape', () => {
    const json = JSON.stringify([
      {},
      null,
      7,
      { ifname: 'x' },
      { ifname: 'y', ifindex: 3, addr_info: [{}, { local: 'z' }] },
    ]);
    assert.deepEqual(parseInterfaces(json), [{ name: 'y', index: 3, addresses: [] }]);
    assert.deepEqual(parseInterfaces('{}'), []);
  });
});

describe('net/neighbours', () => {
  it('reads what ip neigh prints; entries without a hardware address do not count', () => {
    const printed = [
      '10.77.0.9 lladdr 52:54:00:00:00:09 REACHABLE',
      '10.77.0.8 lladdr 52:54:00:00:00:08 used 3/2/1 probes 4 STALE ',
      '10.77.0.7  FAILED',
      '10.77.0.6 INCOMPLETE',
      'rubbish',
      '',
    ].join('\n');
    assert.deepEqual(
      [...parseNeighbours(printed)],
      [
        [ip('10.77.0.9'), { mac: mac('52:54:00:00:00:09'), isReachable: true }],
        [ip('10.77.0.8'), { mac: mac('52:54:00:00:00:08'), isReachable: false }],
      ],
    );
  });
});
