import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  broadcastOf,
  contains,
  formatIpv4,
  formatSubnet,
  inRange,
  ipv4,
  isGroupMac,
  macOf,
  netmaskOf,
  octetsOfMac,
  parseIpv4,
  parseMac,
  parseRange,
  parseSha256,
  parseSubnet,
} from '../../server/core/address.ts';

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const address = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4);

describe('addresses', () => {
  for (const [text, want] of [
    ['52:54:00:12:34:56', '52:54:00:12:34:56'],
    ['52-54-00-AB-CD-EF', '52:54:00:ab:cd:ef'],
    ['5254.0012.3456', '52:54:00:12:34:56'],
    ['525400123456', '52:54:00:12:34:56'],
  ] as const)
    it(`reads the MAC ${text}`, () => {
      assert.deepEqual(parseMac(text), { ok: true, value: want });
    });

  for (const text of ['', '52:54:00:12:34', '52:54:00:12:34:5g', '52:54:00:12:34:56:78', 'mustang-01'])
    it(`refuses "${text}" as a MAC and says how to write one`, () => {
      const read = parseMac(text);
      assert.ok(!read.ok && read.error.includes('write it like'));
    });

  it('a MAC survives octets and back', () => {
    fc.assert(
      fc.property(mac, (octets) => {
        assert.deepEqual([...octetsOfMac(macOf(octets))], [...octets]);
      }),
    );
  });

  it('knows group MACs, which no machine can have', () => {
    assert.equal(isGroupMac(macOf(Uint8Array.of(0x01, 0, 0x5e, 0, 0, 1))), true);
    assert.equal(isGroupMac(macOf(Uint8Array.of(0x52, 0x54, 0, 0, 0, 1))), false);
  });

  it('an address survives text and back', () => {
    fc.assert(
      fc.property(address, (value) => {
        assert.deepEqual(parseIpv4(formatIpv4(value)), { ok: true, value });
      }),
    );
  });

  for (const text of ['10.77.0', '10.77.0.256', '10.77.0.01', '10.77.0.1.2', 'a.b.c.d', ' 10.77.0.1', '-1.0.0.0'])
    it(`refuses "${text}" as an IPv4 address`, () => {
      assert.equal(parseIpv4(text).ok, false);
    });

  it('reads a subnet, its mask and its broadcast address', () => {
    const subnet = parseSubnet('10.77.0.0/22');
    assert.ok(subnet.ok);
    assert.equal(formatIpv4(netmaskOf(subnet.value)), '255.255.252.0');
    assert.equal(formatIpv4(broadcastOf(subnet.value)), '10.77.3.255');
    assert.equal(formatSubnet(subnet.value), '10.77.0.0/22');
  });

  it('the whole of IPv4 and a single address are subnets too', () => {
    const [all, one] = [parseSubnet('0.0.0.0/0'), parseSubnet('10.1.2.3/32')];
    assert.ok(all.ok && one.ok);
    assert.equal(netmaskOf(all.value), 0);
    assert.equal(contains(all.value, ipv4(0xffffffff)), true);
    assert.equal(contains(one.value, ipv4(0x0a010203)), true);
    assert.equal(contains(one.value, ipv4(0x0a010204)), false);
  });

  it('names the right subnet when host bits are set', () => {
    const read = parseSubnet('10.77.0.1/24');
    assert.ok(!read.ok && read.error.includes('10.77.0.0/24'));
  });

  for (const text of ['10.77.0.0', '10.77.0.0/33', '10.77.0.0/a', '10.77.0.0/24/1', '/24'])
    it(`refuses "${text}" as a subnet`, () => {
      assert.equal(parseSubnet(text).ok, false);
    });

  it('reads ranges and single addresses, and refuses a range that runs backwards', () => {
    const [range, one, back] = [
      parseRange('10.0.0.5-10.0.0.9'),
      parseRange('10.0.0.5'),
      parseRange('10.0.0.9-10.0.0.5'),
    ];
    assert.ok(range.ok && one.ok && !back.ok);
    assert.equal(inRange(range.value, ipv4(0x0a000005)), true);
    assert.equal(inRange(range.value, ipv4(0x0a000009)), true);
    assert.equal(inRange(range.value, ipv4(0x0a00000a)), false);
    assert.equal(one.value.first, one.value.last);
    assert.match(back.error, /backwards/);
  });

  it('a subnet holds its network and broadcast address and not their neighbours', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 1, max: 31 }), (start, prefix) => {
        const network = ipv4(start & netmaskOf({ network: start, prefix }));
        const subnet = { network, prefix };
        assert.ok(contains(subnet, network) && contains(subnet, broadcastOf(subnet)));
        if (broadcastOf(subnet) < 0xffffffff) assert.ok(!contains(subnet, ipv4(broadcastOf(subnet) + 1)));
        if (network > 0) assert.ok(!contains(subnet, ipv4(network - 1)));
      }),
    );
  });

  it('a digest is 64 lower-case hexadecimal digits and nothing else', () => {
    assert.equal(parseSha256('a'.repeat(64)).ok, true);
    for (const text of ['A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(63)}/`])
      assert.equal(parseSha256(text).ok, false);
  });
});
