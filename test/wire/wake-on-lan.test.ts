import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { macOf, parseMac } from '../../server/core/address.ts';
import { magicPacket, readSecureOn } from '../../server/wire/wake-on-lan.ts';

describe('the magic packet', () => {
  it('is six times ff and sixteen times the address', () => {
    const mac = parseMac('52:54:00:12:34:56');
    assert.ok(mac.ok);
    const wanted = 'ff'.repeat(6) + '525400123456'.repeat(16);
    assert.equal(Buffer.from(magicPacket(mac.value)).toString('hex'), wanted);
  });

  it('has the password behind it, four octets or six', () => {
    const mac = parseMac('52-54-00-12-34-56');
    assert.ok(mac.ok);
    for (const [text, hex] of [
      ['00:11:22:aa:bb:cc', '001122aabbcc'],
      ['192.168.1.1', 'c0a80101'],
    ] as const) {
      const password = readSecureOn(text);
      assert.ok(password.ok);
      const packet: Buffer = Buffer.from(magicPacket(mac.value, password.value));
      assert.equal(packet.length, 102 + hex.length / 2);
      assert.equal(packet.subarray(102).toString('hex'), hex);
    }
  });

  it('for every address: whoever looks for it finds it, and nothing else', () => {
    const octets = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });
    fc.assert(
      fc.property(octets(6), fc.oneof(octets(0), octets(4), octets(6)), (address, password) => {
        const packet: Uint8Array = magicPacket(macOf(address), password);
        assert.equal(packet.length, 102 + password.length);
        assert.ok(packet.subarray(0, 6).every((octet) => octet === 255));
        for (let at = 6; at < 102; at += 6) assert.deepEqual(packet.subarray(at, at + 6), address);
        assert.deepEqual(packet.subarray(102), password);
      }),
    );
  });

  it('passwords in another form are refused without being repeated', () => {
    for (const bad of [
      '',
      'canary',
      '1.2.3',
      '1.2.3.256',
      '00:11:22:33:44',
      '00:11:22:33:44:gg',
      '1.2.3.4.5',
      '0011:22',
    ]) {
      const read = readSecureOn(bad);
      assert.ok(!read.ok, bad);
      assert.doesNotMatch(read.error, /canary/);
    }
  });
});
