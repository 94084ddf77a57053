import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cleanBootPath } from '../../server/wire/boot-path.ts';

describe('boot path', () => {
  const kept: readonly (readonly [string, string, string])[] = [
    ['a plain name', 'pxelinux.0', 'pxelinux.0'],
    ['a leading slash, as grub asks', '/grub/grub.cfg', 'grub/grub.cfg'],
    ["a trailing slash, as u-boot's EFI step asks", 'dtb/', 'dtb'],
    ['doubled slashes', '//boot///linux', 'boot/linux'],
    ['dots that mean here', './boot/./linux', 'boot/linux'],
    ['dots inside a name', 'a..b/...c', 'a..b/...c'],
    ['a name that begins with a dot', '.disk/info', '.disk/info'],
    ['a MAC with dashes', 'pxelinux.cfg/01-52-54-00-12-34-56', 'pxelinux.cfg/01-52-54-00-12-34-56'],
    ['letters beyond ASCII', 'böard/ｄtb', 'böard/ｄtb'],
    ['a colon that is no drive letter', 'board:1/x', 'board:1/x'],
    ['255 octets', 'a'.repeat(255), 'a'.repeat(255)],
  ];
  for (const [title, asked, want] of kept)
    it(`kept: ${title}`, () => {
      assert.deepEqual(cleanBootPath(Buffer.from(asked)), { ok: true, value: want });
    });

  const refused: readonly (readonly [string, Uint8Array])[] = [
    ['nothing', Buffer.from('')],
    ['slashes only', Buffer.from('///')],
    ['here only', Buffer.from('./.')],
    ['the parent folder', Buffer.from('..')],
    ['the parent folder in front', Buffer.from('../etc/passwd')],
    ['the parent folder behind a slash', Buffer.from('/../etc/passwd')],
    ['the parent folder in the middle', Buffer.from('boot/../../etc/passwd')],
    ['the parent folder at the end', Buffer.from('boot/..')],
    ['a backslash', Buffer.from('..\\..\\etc')],
    ['a drive letter', Buffer.from('c:/boot.ini')],
    ['a drive letter further on', Buffer.from('boot/C:x')],
    ['NUL', Buffer.from('boot\0.efi')],
    ['a line feed', Buffer.from('boot\nlinux')],
    ['an escape', Buffer.from('\x1b[2J')],
    ['DEL', Buffer.from('a\x7f')],
    ['octets that are not UTF-8', Uint8Array.of(0x61, 0xff)],
    ['a slash in overlong UTF-8', Uint8Array.of(0x2e, 0x2e, 0xc0, 0xaf, 0x61)],
    ['256 octets', Buffer.from('a'.repeat(256))],
  ];
  for (const [title, asked] of refused)
    it(`refused: ${title}`, () => {
      assert.ok(!cleanBootPath(asked).ok);
    });

  it('whatever octets come, what is kept is a plain relative path and cleaning it again changes nothing', () => {
    const piece = fc.constantFrom('/', '..', '.', '\\', 'a', 'C:', '\0', 'é', ' ');
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(piece).map((all) => Buffer.from(all.join(''))),
    );
    fc.assert(
      fc.property(octets, (asked) => {
        const path = cleanBootPath(asked);
        if (!path.ok) return;
        assert.ok(!path.value.startsWith('/') && !path.value.endsWith('/'));
        assert.ok(!path.value.split('/').some((part) => part === '' || part === '.' || part === '..'));
        assert.deepEqual(cleanBootPath(Buffer.from(path.value)), path);
      }),
      { numRuns: 500 },
    );
  });
});
