import { strict as assert } from 'node:assert';
import type { BootFormat } from '../../server/core/board.ts';
import { fitArgs, type ArgNeeds } from '../../server/core/fit-args.ts';

const needs = (word: string, formats: readonly BootFormat[] = ['extlinux', 'boot-script']): ArgNeeds => ({
  board: { name: 'bench', kernelArgOctetsMax: 40 },
  loader: { loader: 'u-boot', formats, argOctetsMax: { extlinux: 20, 'boot-script': 30 } },
  formats,
  words: () => [{ word, origin: 'machine' }],
  prefix: () => '',
});

describe('fitArgs', () => {
  it('takes the first format with room', () => {
    const fit = fitArgs(needs('x'.repeat(20)));
    assert.deepEqual(fit.fits && [fit.format, fit.passedOver], ['extlinux', undefined]);
  });

  it('takes the next where the first is too small, and says what it passed over', () => {
    const fit = fitArgs(needs('x'.repeat(21)));
    assert.equal(fit.fits && fit.format, 'boot-script');
    assert.match((fit.fits && fit.passedOver) || '', /need 21 octets/);
  });

  it('refuses when none has room, with the count of each and the remedy of the first', () => {
    const fit = fitArgs(needs('x'.repeat(31)));
    assert.ok(!fit.fits);
    assert.match(fit.because, /extlinux on board "bench" holds 20.*boot-script on board "bench" holds 30/);
    assert.match(fit.remedy, /by 11 octets/);
    assert.equal(fit.measure?.limits[0]?.octetsMax, 20);
  });

  it('an unmeasured u-boot holds 255 octets at most', () => {
    const bare: ArgNeeds = {
      ...needs('x'.repeat(256)),
      board: { name: 'b', kernelArgOctetsMax: 2047 },
      loader: { loader: 'u-boot', formats: ['extlinux'], argOctetsMax: {} },
    };
    assert.equal(fitArgs(bare).fits, false);
    assert.equal(fitArgs({ ...bare, words: () => [{ word: 'x'.repeat(255), origin: 'site' }] }).fits, true);
  });

  it("PXELINUX gets no word that u-boot's escapes would change; u-boot does", () => {
    for (const word of ['a=$b', "a='b", 'a=\\b']) {
      const asked: ArgNeeds = {
        ...needs(word, ['extlinux']),
        loader: { loader: 'pxe-bios', formats: [], argOctetsMax: {} },
      };
      const fit = fitArgs(asked);
      assert.ok(!fit.fits);
      assert.match(fit.because, /"a=…" cannot pass PXELINUX/);
      assert.equal(fitArgs({ ...asked, loader: { ...asked.loader, loader: 'u-boot' } }).fits, true);
      assert.equal(fitArgs({ ...asked, formats: ['ipxe'] }).fits, true);
    }
  });

  it('PXELINUX is kept from a # that begins the line, and from no other', () => {
    const fits = (...words: readonly string[]): boolean =>
      fitArgs({
        ...needs('x', ['extlinux']),
        words: () => words.map((word) => ({ word, origin: 'site' })),
        loader: { loader: 'pxe-bios', formats: [], argOctetsMax: {} },
      }).fits;
    assert.deepEqual([fits('#a', 'b'), fits('b', '#a'), fits('b', "#a'")], [false, true, false]);
  });

  it('a word no kernel can read is refused whatever the format, without a measure', () => {
    const fit = fitArgs(needs('a b'));
    assert.ok(!fit.fits);
    assert.match(fit.because, /^the word "a b" \(machine\) is no kernel argument/);
    assert.equal(fit.measure, undefined);
  });

  it('no format left is a refusal in words', () => {
    const fit = fitArgs(needs('a', []));
    assert.ok(!fit.fits);
    assert.match(fit.because, /no format is left/);
  });
});
