import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { compareCmdline, withoutToken } from '../../server/core/compare-cmdline.ts';

const same = { missing: [], added: [] };

describe('the arguments a kernel saw beside those it was served', () => {
  it('what loaders add by themselves is no difference', () => {
    const served = 'quiet console=ttyS0 farrier.token=… BOOTIF=01-52';
    const token = 'farrier.token=0123456789abcdef0123456789abcdef';
    const seen = `quiet console=ttyS0 ${token} BOOTIF=01-52`;
    assert.deepEqual(compareCmdline(served, seen, 'linux'), same);
    assert.deepEqual(compareCmdline(served, `BOOT_IMAGE=/boot/aa/linux ${seen}`, 'linux'), same);
    assert.deepEqual(compareCmdline(`${served} initrd=initrd.gz`, `linux initrd=initrd.gz ${seen}`, 'linux'), same);
  });

  it('names words that are gone, cut, or that nobody served', () => {
    assert.deepEqual(compareCmdline('a=1 b=2 c=3', 'a=1 b=2', 'linux'), { missing: ['c=3'], added: [] });
    assert.deepEqual(compareCmdline('a=1 long=word', 'a=1 long=wo', 'linux'), {
      missing: ['long=word'],
      added: ['long=wo'],
    });
    assert.deepEqual(compareCmdline('a', 'a init=/bin/sh', 'linux'), { missing: [], added: ['init=/bin/sh'] });
    assert.deepEqual(compareCmdline('a a', 'a', 'linux'), { missing: ['a'], added: [] });
    assert.deepEqual(compareCmdline('x="two  words" y', 'x="two  words" y', 'linux'), same);
  });

  it('no token is left in what is compared', () => {
    assert.equal(withoutToken('a farrier.token=abc b'), 'a farrier.token=… b');
  });

  it('property: any words are the same as themselves in any order', () => {
    const words = fc.array(fc.stringMatching(/^[a-z=.0-9]{1,12}$/), { maxLength: 20 });
    fc.assert(
      fc.property(words, (list) => {
        assert.deepEqual(compareCmdline(list.join(' '), [...list].reverse().join(' '), 'kernel-name').missing, []);
      }),
    );
  });
});
