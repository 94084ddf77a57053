import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { isUuidOption, readBootClient } from '../../../server/wire/dhcp/boot-client.ts';
import { OPT, octetsOfText } from '../../../server/wire/dhcp/options.ts';

const of = (code: number, ...value: number[]): ReadonlyMap<number, Uint8Array> =>
  new Map([[code, Uint8Array.from(value)]]);
const said = (code: number, words: string): ReadonlyMap<number, Uint8Array> => new Map([[code, octetsOfText(words)]]);

describe('wire/dhcp/boot-client', () => {
  for (const [value, want] of [
    [[0, 7], [7]],
    [
      [0, 11, 0, 22],
      [11, 22],
    ],
    [[1, 0], [256]],
    [[], []],
    [[7], []],
    [[0, 7, 0], []],
  ] as const)
    it(`F1 option 93 of ${value.length} octets lists ${want.length} types`, () => {
      assert.deepEqual(readBootClient(of(OPT.clientArch, ...value)).archTypes, want);
    });

  it('F2 option 94 is type, major, minor; other lengths are ignored', () => {
    assert.deepEqual(readBootClient(of(OPT.clientNdi, 1, 3, 16)).ndi, { type: 1, major: 3, minor: 16 });
    for (const value of [[], [1, 3], [1, 3, 0, 0]])
      assert.equal(readBootClient(of(OPT.clientNdi, ...value)).ndi, undefined);
  });

  it('F3 option 97 is a type-0 UUID in SMBIOS order; other forms are ignored', () => {
    const wire = [...Buffer.from('007eabf5daf5f6cd5395833dd819d43414', 'hex')];
    assert.equal(readBootClient(of(OPT.clientUuid, ...wire)).systemUuid, 'daf5ab7e-f6f5-53cd-9583-3dd819d43414');
    assert.equal(readBootClient(of(OPT.clientUuid, 1, ...wire.slice(1))).systemUuid, undefined);
    assert.equal(readBootClient(of(OPT.clientUuid, ...wire.slice(0, 16))).systemUuid, undefined);
    assert.equal(isUuidOption(undefined), false);
  });

  it('F4 the kind of client is the beginning of option 60', () => {
    const kinds = ['PXEClient:Arch:00007:UNDI:003000', 'HTTPClient:Arch:00016', 'U-Boot.armv8', 'labos'].map(
      (words) => {
        const { isPxe, isHttp, isUBoot } = readBootClient(said(OPT.vendorClass, words));
        return [isPxe, isHttp, isUBoot];
      },
    );
    assert.deepEqual(kinds, [
      [true, false, false],
      [false, true, false],
      [false, false, true],
      [false, false, false],
    ]);
  });

  it('F8 iPXE is known by its user class, plain or counted, or by option 175', () => {
    assert.equal(readBootClient(said(OPT.userClass, 'iPXE')).isIpxe, true);
    assert.equal(readBootClient(said(OPT.userClass, '\u0004iPXE')).isIpxe, true);
    assert.equal(readBootClient(said(OPT.userClass, '\u0004iPXE\u0003lab')).isIpxe, true);
    assert.equal(readBootClient(of(OPT.ipxeEncapsulated, 177, 0)).isIpxe, true);
    assert.equal(readBootClient(said(OPT.userClass, 'gPXE')).isIpxe, false);
    const gpxe = new Map([...said(OPT.userClass, 'gPXE'), ...of(OPT.ipxeEncapsulated, 177, 0)]);
    assert.equal(readBootClient(gpxe).isIpxe, false, 'gPXE sends it too');
    assert.equal(readBootClient(new Map()).isIpxe, false);
  });

  it("iPXE's version is sub-option 235 of option 175, wherever it stands; what is cut off or malformed is none", () => {
    const version = (...octets: readonly number[]): string | undefined =>
      readBootClient(of(OPT.ipxeEncapsulated, ...octets)).ipxeVersion;
    // As captured from iPXE 1.0.0 in SeaBIOS.
    assert.equal(version(0xb1, 5, 1, 0x1a, 0xf4, 0x10, 0, 0xeb, 3, 1, 0, 0, 0x17, 1, 1), '1.0.0');
    assert.equal(version(0xeb, 3, 1, 21, 1), '1.21.1');
    for (const cut of [[], [0xeb], [0xeb, 3], [0xeb, 3, 1, 21], [0xeb, 2, 1, 21], [0xb1, 200, 0xeb, 3, 1, 2, 3]])
      assert.equal(version(...cut), undefined, cut.join(' '));
  });

  it('never throws, whatever the options hold', () => {
    const codes = fc.constantFrom(
      OPT.vendorClass,
      OPT.userClass,
      OPT.clientArch,
      OPT.clientNdi,
      OPT.clientUuid,
      OPT.ipxeEncapsulated,
    );
    const options = fc.array(fc.tuple(codes, fc.uint8Array({ maxLength: 40 })));
    fc.assert(fc.property(options, (list) => Array.isArray(readBootClient(new Map(list)).archTypes)));
  });
});
