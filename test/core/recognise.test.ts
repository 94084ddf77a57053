import { strict as assert } from 'node:assert';
import type { Board, BoardSigns } from '../../server/core/board.ts';
import { recognise, type Evidence } from '../../server/core/recognise.ts';
import { MAC, ubootBoard } from './boot-fixtures.ts';

const board = (name: string, signs: Partial<BoardSigns>, parent?: string): Board => ({
  ...ubootBoard,
  name,
  extends: parent,
  signs: { clientArch: [], vendorClass: [], oui: [], smbiosVendor: [], smbiosProduct: [], dtCompatible: [], ...signs },
});
const boards: readonly Board[] = [
  board('mustang', { clientArch: [22], dtCompatible: ['apm,mustang'] }, 'generic-arm64-uboot'),
  board('xgene', { clientArch: [22], dtCompatible: ['apm,xgene-storm'] }, 'generic-arm64-uboot'),
  board('generic-arm64-uboot', { clientArch: [22] }),
  board('generic-arm64-uefi', { clientArch: [11] }),
  board('virt', { clientArch: [22], oui: ['52:54:00'] }, 'generic-arm64-uboot'),
  board('dell', { clientArch: [7], smbiosVendor: ['Dell Inc.'], smbiosProduct: ['R7'] }),
  board('by-hand-only', {}),
];
const seen: Evidence = {
  mac: MAC,
  clientArch: 22,
  vendorClass: 'U-Boot.armv8',
  userClass: undefined,
  systemUuid: undefined,
  facts: undefined,
};
const other = { ...seen, mac: '02:00:00:00:00:01' as typeof MAC };
const dt = (...dtCompatible: string[]): Evidence['facts'] => ({ vendor: undefined, product: undefined, dtCompatible });

const cases: readonly (readonly [string, Evidence, string | undefined])[] = [
  ['a u-boot nobody knows more of is the generic one', other, 'generic-arm64-uboot'],
  ['a QEMU MAC makes it more than generic', seen, 'virt'],
  [
    'the device tree tells the board once the agent ran',
    { ...other, facts: dt('apm,mustang', 'apm,xgene-storm') },
    'mustang',
  ],
  [
    'the earlier entry of compatible is the more specific',
    { ...other, facts: dt('apm,xgene-storm', 'apm,mustang') },
    'xgene',
  ],
  ['a sign that was not seen is not agreed with', { ...seen, clientArch: 7, systemUuid: 'u' }, undefined],
  [
    'SMBIOS signs must all agree',
    { ...seen, clientArch: 7, systemUuid: 'u', facts: { vendor: 'Dell Inc.', product: 'R8', dtCompatible: [] } },
    undefined,
  ],
  [
    'SMBIOS vendor and product',
    { ...seen, clientArch: 7, systemUuid: 'u', facts: { vendor: 'Dell Inc.', product: 'R7', dtCompatible: [] } },
    'dell',
  ],
  ['a UEFI arm64 server sends option 97', { ...other, clientArch: 11, systemUuid: 'u' }, 'generic-arm64-uefi'],
  ["u-boot's EFI step is still u-boot", { ...other, clientArch: 11 }, 'generic-arm64-uboot'],
  ['no boot client at all', { ...seen, clientArch: undefined }, undefined],
];

describe('recognise', () => {
  for (const [title, evidence, want] of cases)
    it(title, () => {
      assert.equal(recognise(boards, evidence)?.board, want);
    });

  it('says why, in the words of what was seen', () => {
    assert.deepEqual(recognise(boards, seen)?.evidence, ['option 93 is 22', 'the MAC begins with 52:54:00']);
    const mustang = recognise(boards, { ...other, facts: dt('apm,mustang') });
    assert.deepEqual(mustang?.evidence, ['option 93 is 22', 'the device tree says "apm,mustang"']);
  });

  it('a board that extends another goes before it when both agree alike', () => {
    const twins = [board('a-parent', { clientArch: [22] }), board('b-child', { clientArch: [22] }, 'a-parent')];
    assert.equal(recognise(twins, seen)?.board, 'b-child');
    assert.equal(recognise([...twins].reverse(), seen)?.board, 'b-child');
  });

  it('a draw is decided by name, and said to be one', () => {
    const equals = ['b', 'c', 'a'].map((name) => board(name, { clientArch: [22] }));
    assert.deepEqual(recognise([...equals, board('d', { clientArch: [7] })], seen), {
      board: 'a',
      evidence: ['option 93 is 22', 'a draw with b, c: set the board to be sure'],
    });
  });

  it('boards that extend each other end the walk', () => {
    const loop = [board('a', { clientArch: [22] }, 'b'), board('b', { clientArch: [22] }, 'a')];
    assert.equal(recognise(loop, seen)?.board, 'a');
  });

  it('option 60 counts by its beginning', () => {
    const boards60 = [board('v', { vendorClass: ['U-Boot.armv8'] })];
    assert.equal(recognise(boards60, { ...seen, vendorClass: 'U-Boot.armv8.sun50i' })?.board, 'v');
    assert.equal(recognise(boards60, { ...seen, vendorClass: 'U-Boot.armv7' }), undefined);
  });
});
