import assert from 'node:assert/strict';
import fc from 'fast-check';
import { negotiate, type TftpLimits } from '../../../server/wire/tftp/negotiate.ts';

const limits: TftpLimits = { blksizeMax: 1468, windowsizeMax: 16, inFlightOctetsMax: 131072 };
const OCTETS = 32_956_352;

type Options = Readonly<Record<string, string>>;

describe('tftp negotiation', () => {
  const cases: readonly (readonly [string, Options, Options | undefined])[] = [
    ['no options, no OACK (H2)', {}, undefined],
    ['only unknown options: plain DATA, no ERROR (H1, H2)', { multicast: '', 'x-odd': '1' }, undefined],
    ['unknown options are left out beside known ones (H1)', { 'x-odd': '1', blksize: '1024' }, { blksize: '1024' }],
    ['a name that every object has is still unknown (H1)', { constructor: '1', __proto__x: '2' }, undefined],
    ['blksize as asked (H5)', { blksize: '1432' }, { blksize: '1432' }],
    ['blksize is never more than asked (H5)', { blksize: '8' }, { blksize: '8' }],
    ['blksize is capped to the MTU less 32 (H6)', { blksize: '65464' }, { blksize: '1468' }],
    ['blksize 7 is out of range (H5)', { blksize: '7' }, undefined],
    ['blksize 65465 is out of range (H5)', { blksize: '65465' }, undefined],
    ['blksize abc is no number (H5)', { blksize: 'abc' }, undefined],
    ['blksize -1 is no number (H5)', { blksize: '-1' }, undefined],
    ['blksize 0x200 is no number (H5)', { blksize: '0x200' }, undefined],
    ['blksize 1e3 is no number (H5)', { blksize: '1e3' }, undefined],
    ['an empty blksize is no number (H5)', { blksize: '' }, undefined],
    ['timeout is left out (H7)', { timeout: '5' }, undefined],
    ["u-boot's options", { timeout: '5', blksize: '1468' }, { blksize: '1468' }],
    ['tsize is the true size (H8)', { tsize: '0' }, { tsize: String(OCTETS) }],
    ['tsize junk is treated as 0 (H8)', { tsize: '-1' }, { tsize: String(OCTETS) }],
    ['windowsize as asked (H9)', { windowsize: '4' }, { windowsize: '4' }],
    ['windowsize is capped (H9, H11)', { windowsize: '65535' }, { windowsize: '16' }],
    ['windowsize 0 is left out (H9)', { windowsize: '0' }, undefined],
    ['windowsize 65536 is left out (H9)', { windowsize: '65536' }, undefined],
    ['windowsize junk is left out (H9)', { windowsize: '4 blocks' }, undefined],
    [
      "EDK2's options, in the order they came",
      { tsize: '0', blksize: '1468', windowsize: '4' },
      { tsize: String(OCTETS), blksize: '1468', windowsize: '4' },
    ],
  ];
  for (const [title, asked, want] of cases)
    it(title, () => {
      const { oack } = negotiate(new Map(Object.entries(asked)), limits, OCTETS);
      assert.deepEqual(oack && [...oack], want && Object.entries(want));
    });

  it('without blksize a block has 512 octets, without windowsize a window one block (RFC 1350)', () => {
    const { blksize, windowsize } = negotiate(new Map([['tsize', '0']]), limits, 1);
    assert.deepEqual([blksize, windowsize], [512, 1]);
  });

  it('large blocks shrink the window to the octets that may be in flight (H11)', () => {
    const asked = new Map([
      ['blksize', '65464'],
      ['windowsize', '64'],
    ]);
    const terms = negotiate(asked, { ...limits, blksizeMax: 65464, windowsizeMax: 64 }, OCTETS);
    assert.deepEqual([terms.blksize, terms.windowsize], [65464, 2]);
  });

  it('a board that takes 512 octets at most gets no more, and the answer says so', () => {
    assert.equal(
      negotiate(new Map([['blksize', '1468']]), { ...limits, blksizeMax: 512 }, 1).oack?.get('blksize'),
      '512',
    );
  });

  it('whatever is asked, the answer holds only what was asked, within the limits (H2, H5, H9)', () => {
    const name = fc.constantFrom<string[]>('blksize', 'windowsize', 'tsize', 'timeout', 'multicast', 'toString');
    const value = fc.oneof(fc.integer({ min: -9, max: 70000 }).map(String), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
        const asked = new Map(pairs);
        const { oack, blksize, windowsize } = negotiate(asked, limits, 7);
        for (const key of oack?.keys() ?? []) assert.ok(asked.has(key));
        assert.ok(blksize >= 8 && blksize <= 1468 && windowsize >= 1 && windowsize <= 16);
        if (oack?.has('blksize')) assert.ok(blksize <= Number(asked.get('blksize')));
        else assert.equal(blksize, 512);
        if (oack?.has('windowsize')) assert.ok(windowsize <= Number(asked.get('windowsize')));
        else assert.equal(windowsize, 1);
      }),
    );
  });
});
