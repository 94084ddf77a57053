import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { parseMac } from '../../server/core/address.ts';
import { BOOT_FORMATS } from '../../server/core/board.ts';
import { chosenDtbPath, configPath, LOADER_FILES, parseBootPath, type BootPath } from '../../server/core/boot-path.ts';

const parsed = parseMac('52:54:00:12:34:56');
assert.ok(parsed.ok);
const mac = parsed.value;

describe('boot paths', () => {
  const table: readonly (readonly [string, string, BootPath])[] = [
    [
      'u-boot asks for its config by MAC',
      'pxelinux.cfg/01-52-54-00-12-34-56',
      { is: 'config', format: 'extlinux', mac },
    ],
    [
      'beside a bootfile in a folder too',
      'sub/dir/pxelinux.cfg/01-52-54-00-12-34-56',
      { is: 'config', format: 'extlinux', mac },
    ],
    ['a stock u-boot asks for its script', 'boot.scr.uimg', { is: 'config', format: 'boot-script', mac: undefined }],
    ['grub asks with a leading slash', '/grub/grub.cfg', { is: 'config', format: 'grub', mac: undefined }],
    ['iPXE asks for its script', 'boot.ipxe', { is: 'config', format: 'ipxe', mac: undefined }],
    ['UEFI asks for shim', 'shimx64.efi', { is: 'loader', name: 'shimx64.efi' }],
    [
      'a kernel by the beginning of its digest',
      '/boot/0123456789abcdef/linux',
      { is: 'artefact', sha256Start: '0123456789abcdef', name: 'linux' },
    ],
    ["UEFI's HTTP boot asks below /boot/", '/boot/ipxe-arm64.efi', { is: 'loader', name: 'ipxe-arm64.efi' }],
    ['iPXE asks for a script beside itself', '/boot/autoexec.ipxe', { is: 'unknown' }],
    ['PXELINUX asks by UUID first', 'pxelinux.cfg/7eabf5da-f5f6-cd53-9583-3dd819d43414', { is: 'unknown' }],
    ['the DTB made for one boot', 'chosen/01-52-54-00-12-34-56.dtb', { is: 'chosen-dtb', mac }],
    ['such a DTB beside a bootfile', '/sub/chosen/01-52-54-00-12-34-56.dtb', { is: 'chosen-dtb', mac }],
    ['a DTB of that name elsewhere', 'dtbs/01-52-54-00-12-34-56.dtb', { is: 'unknown' }],
    ['a shorter digest is no digest', 'boot/0123/linux', { is: 'unknown' }],
    ['a path that goes on behind the name', 'boot/0123456789abcdef/linux/x', { is: 'unknown' }],
    ['the config by address, which u-boot tries last', 'pxelinux.cfg/0A4D0050', { is: 'unknown' }],
    ['the default config belongs to nobody', 'pxelinux.cfg/default-arm-virt', { is: 'unknown' }],
    ['a MAC outside of pxelinux.cfg', '01-52-54-00-12-34-56', { is: 'unknown' }],
    ["grub's module lists", '/grub/x86_64-efi/command.lst', { is: 'unknown' }],
    ["shim's revocations", 'revocations_sbat.efi', { is: 'unknown' }],
    ['a loader in a folder', 'efi/shimx64.efi', { is: 'unknown' }],
    ['nothing at all', '', { is: 'unknown' }],
    ['a name every object has', 'constructor', { is: 'unknown' }],
  ];
  for (const [title, path, want] of table)
    it(title, () => {
      assert.deepEqual(parseBootPath(path), want);
    });

  it('every format is found again by the path its loader asks for', () => {
    for (const format of BOOT_FORMATS.filter((each) => each !== 'rpi')) {
      const path = parseBootPath(configPath(format, mac));
      assert.ok(path.is === 'config' && path.format === format);
    }
    for (const name of LOADER_FILES) {
      assert.deepEqual(parseBootPath(name), { is: 'loader', name });
      assert.deepEqual(parseBootPath(`/boot/${name}`), { is: 'loader', name });
    }
  });

  it('the DTB of a boot is found again by the path its config names', () => {
    assert.deepEqual(parseBootPath(chosenDtbPath(mac)), { is: 'chosen-dtb', mac });
  });

  it('never throws on any text', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseBootPath(text)));
  });
});
