import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { OPT } from '../../../server/wire/dhcp/options.ts';
import {
  decodeSubOptions,
  encodePxe,
  pxeBootDirect,
  relayPort,
  rpiBootMenu,
} from '../../../server/wire/dhcp/sub-options.ts';

const relay = (...value: number[]): ReadonlyMap<number, Uint8Array> =>
  new Map([[OPT.relayAgentInformation, Uint8Array.from(value)]]);

describe('wire/dhcp/sub-options', () => {
  it('F7 the PXE answer says "boot file direct" and ends with 255', () => {
    assert.deepEqual([...pxeBootDirect()], [6, 1, 8, 255]);
  });

  it('the menu a Raspberry Pi wants is the printed one, but for the blanks its oldest ROM looks for', () => {
    // Printed in Raspberry Pi's documentation of network boot, as tcpdump shows an answer of dnsmasq.
    const printed =
      '6.1.3.10.4.0.80.88.69.9.20.0.0.17.82.97.115.112.98.101.114.114.121.32.80.105.32.66.111.111.116.255';
    const padded = printed.replace('.9.20.0.0.17.', '.9.23.0.0.20.').replace(/\.255$/, '.32.32.32.255');
    assert.equal([...rpiBootMenu()].join('.'), padded);
  });

  it('B16 the PXE encapsulation pads with 0 and ends at 255', () => {
    const found = decodeSubOptions(Uint8Array.of(0, 6, 1, 8, 0, 71, 2, 1, 2, 255, 9, 1, 1), 'pxe');
    assert.deepEqual([...found.keys()], [6, 71]);
  });

  for (const [title, value] of [
    ['a length beyond the end', [6, 1, 8, 9, 5, 1]],
    ['no length at all', [6, 1, 8, 9]],
  ] as const)
    it(`B16 an overrun is ignored: ${title}`, () => {
      assert.deepEqual([...decodeSubOptions(Uint8Array.from(value), 'pxe')], [[6, Uint8Array.of(8)]]);
    });

  it('E5 circuit and remote id are opaque octets, 0 and 255 among them', () => {
    assert.deepEqual(relayPort(relay(1, 3, 0, 255, 7, 2, 1, 9)), { circuitId: '00ff07', remoteId: '09' });
    assert.deepEqual(relayPort(relay(0, 1, 5, 1, 1, 6)), { circuitId: '06', remoteId: undefined });
    assert.deepEqual(relayPort(relay(255, 0, 2, 0)), { circuitId: undefined, remoteId: '' });
  });

  it('E5 without option 82, or with rubbish in it, there is no port', () => {
    for (const options of [new Map<number, Uint8Array>(), relay(), relay(1), relay(1, 9, 1)])
      assert.deepEqual(relayPort(options), { circuitId: undefined, remoteId: undefined });
  });

  it('what is encapsulated comes out again', () => {
    const one = fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 255 }));
    const many = fc.uniqueArray(one, { selector: ([code]) => code, maxLength: 8 });
    fc.assert(
      fc.property(many, (options) => {
        const value = encodePxe(options);
        assert.equal(value.at(-1), 255);
        assert.deepEqual([...decodeSubOptions(value, 'pxe')], options);
      }),
    );
  });

  it('never throws on any octets', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom('pxe' as const, 'relay' as const),
        (value, form) => {
          const octets = [...decodeSubOptions(value, form).values()].reduce((sum, each) => sum + each.length, 0);
          assert.ok(octets <= value.length);
        },
      ),
    );
  });
});
