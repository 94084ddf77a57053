import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { filesOf, linesOf, octetsOfBase64, plainText, sectionOf } from '../../server/core/raw-facts.ts';

describe('raw facts', () => {
  it('base64 comes back as any program wrote it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        assert.deepEqual(octetsOfBase64(Buffer.from(octets).toString('base64')), octets);
      }),
    );
  });

  it('letters outside the alphabet are passed over', () => {
    assert.equal(new TextDecoder().decode(octetsOfBase64('aGVs\nbG8=%%')), 'hello');
  });

  it('a section is read as base64 first, else as it is', () => {
    assert.equal(sectionOf({ 'uname.b64': 'TGludXg=', uname: 'other' }, 'uname'), 'Linux');
    assert.equal(sectionOf({ uname: 'other' }, 'uname'), 'other');
    assert.equal(sectionOf({}, 'uname'), '');
    assert.equal(sectionOf({}, 'constructor'), '');
  });

  it('lines and files are split at the first colon', () => {
    assert.deepEqual(linesOf({ a: 'x\ny' }, 'a'), ['x', 'y']);
    assert.deepEqual(filesOf({ a: '/p/address:52:54\nno colon\n:no path' }, 'a'), [['/p/address', '52:54']]);
  });

  const texts: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['blanks are single', '  QEMU \t  HARDDISK  ', 'QEMU HARDDISK'],
    ['nothing stays nothing', undefined, undefined],
    ['only control characters is nothing', '\u0000\u001b\u202e', undefined],
    ['120 letters are the most', 'x'.repeat(500), 'x'.repeat(120)],
    ['letters beyond the basic plane are not halved', '\u{1f6e0}'.repeat(200), '\u{1f6e0}'.repeat(120)],
    ['other alphabets are welcome', 'Ünïcode 機', 'Ünïcode 機'],
  ];
  for (const [title, text, want] of texts)
    it(`plain text: ${title}`, () => {
      assert.equal(plainText(text), want);
    });
});
