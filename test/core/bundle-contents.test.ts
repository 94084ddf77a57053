import { strict as assert } from 'node:assert';
import {
  countsOf,
  findInContents,
  parseKernelConfig,
  parseNeed,
  whyLacking,
  type BundleContents,
} from '../../server/core/bundle-contents.ts';
import { isModulePath, moduleName } from '../../server/core/module-name.ts';
import { sampleContents } from '../support/samples.ts';

const initrd = { entries: 9, programs: ['busybox', 'kexec'], modules: ['virtio_net'] };
const full = sampleContents({ initrd });

describe('what a bundle needs', () => {
  it('the flags of a configuration that are set', () => {
    const text = '# Linux/arm64\nCONFIG_NFS_ROOT=y\n# CONFIG_NBD is not set\nCONFIG_BLK_DEV_NBD=m\nCONFIG_CMDLINE=""\n';
    assert.deepEqual(parseKernelConfig(text), ['NFS_ROOT=y', 'BLK_DEV_NBD=m', 'CMDLINE=""']);
  });

  const held: readonly string[] = [
    'kexec',
    'nbd',
    'virtio-net',
    'NFS_ROOT',
    'bin:kexec',
    'initrd:virtio_net',
    'initrd:kexec_core',
    'module:nbd',
    'module:virtio-net',
    'config:NFS_ROOT',
    'config:CONFIG_NFS_ROOT=y',
    'config:BLK_DEV_NBD',
  ];
  for (const need of held)
    it(`${need} is there`, () => {
      assert.equal(whyLacking({ ...full, needs: [need] }), undefined);
    });

  const lacking: readonly (readonly [string, Partial<BundleContents>, RegExp])[] = [
    ['xnbd-client', {}, /it needs xnbd-client, which is not in it; take another kernel or initrd/],
    ['bin:nbd-client', {}, /build the initrd with that program/],
    ['initrd:nbd', {}, /build the initrd with that module/],
    ['module:zfs', {}, /take a kernel that has that module/],
    ['module:zfs', { modules: undefined, builtIn: undefined }, /import the package with the modules/],
    ['config:KEXEC', {}, /take a kernel that was built with it/],
    ['config:BLK_DEV_NBD=y', {}, /take a kernel that was built with it/],
    ['config:KEXEC', { config: undefined }, /a folder with its config file/],
    ['bin:kexec', { initrd: undefined, initrdUnread: 'it is cut' }, /its initrd could not be read: it is cut/],
    ['bin:kexec', { initrd: undefined }, /needs bin:kexec/],
  ];
  for (const [need, change, words] of lacking)
    it(`${need} is lacking${Object.keys(change).length > 0 ? `, ${Object.keys(change).join(' and ')} being unknown` : ''}`, () => {
      assert.match(whyLacking({ ...full, ...change, needs: [need] }) ?? '', words);
    });

  it('all that is lacking is named, and nothing else', () => {
    const because = whyLacking({ ...full, needs: ['nbd', 'zfs', 'bin:kexec', 'bin:mdadm'] }) ?? '';
    assert.match(because, /needs zfs, bin:mdadm, which are not in it/);
  });

  it('what is no need is refused by name', () => {
    for (const text of ['', ' nbd', 'bin:', 'lib:nbd', 'a b', 'bin:/sbin/kexec', `x${'y'.repeat(64)}`])
      assert.equal(parseNeed(text).ok, false, text);
    assert.deepEqual(parseNeed('config:X=y'), { ok: true, value: { kind: 'config', name: 'X=y' } });
  });

  it('counts what is known, finds by a part of the name, and no more than asked for', () => {
    assert.deepEqual(countsOf(full), { config: 2, modules: 2, builtIn: 1, initrdModules: 1, programs: 2 });
    assert.deepEqual(countsOf(sampleContents({ config: undefined, modules: undefined })), { builtIn: 1 });
    const found = findInContents(full, 'NBD', 9);
    assert.deepEqual([found.config, found.modules, found.programs], [['BLK_DEV_NBD=m'], ['nbd'], []]);
    assert.deepEqual(findInContents(full, 'virtio-net', 9).initrdModules, ['virtio_net']);
    assert.equal(findInContents(full, '', 1).modules.length, 1);
  });

  it('a module has one name, however it is packed', () => {
    for (const path of [
      'a/virtio-net.ko',
      'virtio_net.ko.xz',
      'x/virtio-net.ko.zst',
      'virtio-net.ko.gz',
      'virtio_net',
    ]) {
      assert.equal(moduleName(path), 'virtio_net');
      assert.equal(isModulePath(path), path.includes('.ko'), path);
    }
    assert.equal(isModulePath('x.kobold'), false);
  });
});
