import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { tcpPlace, unixPlace } from '../../server/wire/serial-place.ts';

describe('places of serial lines', () => {
  for (const [path, isOne] of [
    ['/run/vm/serial.sock', true],
    [`/${'x'.repeat(106)}`, true],
    [`/${'x'.repeat(107)}`, false],
    ['serial.sock', false],
    ['', false],
    ['/run/\0x', false],
  ] as const)
    it(`the path ${JSON.stringify(path.slice(0, 24))} (${path.length}) is ${isOne ? 'one' : 'none'}`, () => {
      const place = unixPlace(path);
      assert.equal(place.ok, isOne);
      if (place.ok) assert.deepEqual(place.value, { is: 'unix', path });
      else assert.equal(place.error.code, 'config');
    });

  it('a host that listens everywhere is asked on loopback', () => {
    assert.deepEqual(tcpPlace('0.0.0.0', '4555'), { ok: true, value: { is: 'tcp', host: '127.0.0.1', port: 4555 } });
    assert.deepEqual(tcpPlace('::', '4555'), { ok: true, value: { is: 'tcp', host: '::1', port: 4555 } });
    assert.deepEqual(tcpPlace('host.lab', '1'), { ok: true, value: { is: 'tcp', host: 'host.lab', port: 1 } });
  });

  for (const [host, digits] of [
    ['host', '0'],
    ['host', '65536'],
    ['host', '-1'],
    ['host', '1e3'],
    ['host', ''],
    ['', '80'],
    ['-o', '80'],
    ['a b', '80'],
    ['constructor/', '80'],
  ] as const)
    it(`"${host}" port "${digits}" is none`, () => {
      assert.equal(tcpPlace(host, digits).ok, false);
    });

  it('every real port is one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
        assert.deepEqual(tcpPlace('10.0.0.9', String(port)), {
          ok: true,
          value: { is: 'tcp', host: '10.0.0.9', port },
        });
      }),
    );
  });
});
