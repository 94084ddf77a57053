import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { runBootScript } from '../../lab/boot-text/boot-script.ts';
import { parseExtlinux } from '../../lab/boot-text/extlinux.ts';
import { runGrubCfg } from '../../lab/boot-text/grub-cfg.ts';
import { parseIpxeScript } from '../../lab/boot-text/ipxe-script.ts';
import { readRpiConfig } from '../../lab/boot-text/rpi-config.ts';
import { scriptOfImage } from '../../lab/boot-text/script-image.ts';
import { runShell } from '../../lab/boot-text/shell.ts';
import { crc32 } from '../../lab/crc32.ts';

const APPEND = { ip: 'ip=10.77.0.9:10.77.0.1::255.255.255.0', bootif: 'BOOTIF=01-52-54-00-00-00-01' };

describe('extlinux as u-boot reads it', () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    [
      'the default label counts, wherever it stands',
      'DEFAULT two\nlabel one\n kernel a\nlabel two\n LINUX b\n INITRD c\n FDT d\n APPEND x  y=1\n',
      { do: 'boot', kernel: 'b', initrds: ['c'], dtb: 'd', args: 'x  y=1' },
    ],
    [
      'without a default the first label counts',
      'label one\n kernel a\n',
      { do: 'boot', kernel: 'a', initrds: [], dtb: undefined, args: '' },
    ],
    [
      'ipappend 3 adds the addresses and the MAC',
      'label x\nkernel a\nappend q\nipappend 3\n',
      { do: 'boot', kernel: 'a', initrds: [], dtb: undefined, args: `q ${APPEND.ip} ${APPEND.bootif}` },
    ],
    ['localboot is the own disk', '# note\nlabel l\n localboot 1\n', { do: 'local-disk' }],
  ];
  for (const [name, text, wanted] of cases)
    it(name, () => {
      const order = parseExtlinux(text, APPEND);
      assert.deepEqual(order.ok && order.value, wanted);
    });
  it('a label without a kernel is refused by name', () => {
    const order = parseExtlinux('label bare\n append x\n', APPEND);
    assert.match(order.ok ? '' : order.error, /bare/);
  });
});

describe('the small shell', () => {
  async function deeds(script: string, bad: readonly string[] = []): Promise<readonly string[]> {
    const done: string[] = [];
    await runShell(
      script,
      (name) => ({ v: 'value with blanks', e: '' })[name] ?? '',
      (words) => {
        done.push(words.join('|'));
        return Promise.resolve(words[0] === 'stop' ? 'stop' : bad.includes(words[0] ?? '') ? 'bad' : 'good');
      },
    );
    return done;
  }
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['and, or', 'a && b || c; no && d || e', ['a', 'b', 'no', 'e']],
    ['if and else', 'if a; then b; else c; fi\nif no; then d; else e; fi', ['a', 'b', 'no', 'e']],
    ['an if inside an else', 'if no; then a\nelse\n if b; then c; else d; fi\nfi\nz', ['no', 'b', 'c', 'z']],
    ['a comment ends at its line', '# no\na # b\nc', ['a', 'c']],
    ['quotes join, single ones keep dollars', `set x "\${v}" '\${v}' a\\ b`, ['set|x|value with blanks|${v}|a b']],
    ['an empty variable still is a word in quotes', 'test -z "${e}"', ['test|-z|']],
    ['stop ends everything', 'if a; then stop; fi\nb', ['a', 'stop']],
  ];
  for (const [name, script, wanted] of cases)
    it(name, async () => {
      assert.deepEqual(await deeds(script, ['no']), wanted);
    });
  it('never throws, whatever the script', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (script) => {
        await deeds(script);
      }),
    );
  });
});

describe('a u-boot boot script', () => {
  const SCRIPT = [
    'setenv bootargs "console=ttyAMA0 x=1"',
    'if tftpboot ${kernel_addr_r} linux; then true; else setenv farrier_ready; fi',
    'tftpboot 44000000 initrd.gz && setenv second 44000000:${filesize}',
    'booti 0x40400000 ${second} ${fdt}',
    'setenv bootargs never',
  ].join('\n');

  it('what was loaded where decides what booti starts', async () => {
    const asked: string[] = [];
    const order = await runBootScript(SCRIPT, { kernel_addr_r: '0x40400000' }, (path) => {
      asked.push(path);
      return Promise.resolve(true);
    });
    assert.deepEqual(asked, ['linux', 'initrd.gz']);
    const wanted = { do: 'boot', kernel: 'linux', initrds: ['initrd.gz'], dtb: undefined, args: 'console=ttyAMA0 x=1' };
    assert.deepEqual(order.ok && order.value, wanted);
  });
  it('a kernel that did not come is not started', async () => {
    const order = await runBootScript(SCRIPT, { kernel_addr_r: '0x40400000' }, (path) =>
      Promise.resolve(path !== 'linux'),
    );
    assert.match(order.ok ? '' : order.error, /nothing was loaded/);
  });
  it('a script that starts nothing says so', async () => {
    const order = await runBootScript('echo hello', {}, () => Promise.resolve(true));
    assert.match(order.ok ? '' : order.error, /started nothing/);
  });
});

describe('a script image', () => {
  function image(script: string): Uint8Array {
    const text = new TextEncoder().encode(script);
    const octets = new Uint8Array(64 + 8 + text.length);
    const view = new DataView(octets.buffer);
    view.setUint32(0, 0x27051956);
    view.setUint32(12, 8 + text.length);
    octets[30] = 6;
    view.setUint32(64, text.length);
    octets.set(text, 72);
    view.setUint32(24, crc32(octets.subarray(64)));
    view.setUint32(4, crc32(octets.subarray(0, 64)));
    return octets;
  }
  it('gives its text back and is not changed by the reading', () => {
    const octets = Buffer.from(image('echo hello\n'));
    const before = Buffer.from(octets);
    const script = scriptOfImage(octets);
    assert.equal(script.ok && script.value, 'echo hello\n');
    assert.deepEqual(octets, before);
  });
  it('one changed octet anywhere is found', () => {
    const whole = image('echo hello\n');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bent = Uint8Array.from(whole);
        bent[at] = (bent[at] ?? 0) ^ change;
        assert.equal(scriptOfImage(bent).ok, false);
      }),
    );
  });
  it('crc32 of "123456789" is cbf43926', () => {
    assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
  });
});

describe('a GRUB configuration', () => {
  it('the kernel, what stands beside it, and the device before a path', async () => {
    const text =
      'set base=(tftp)/boot\nif linux ${base}/linux a "b c"; then\n initrd $base/initrd.gz\n devicetree /x.dtb\n boot\nfi\nexit\n';
    const order = await runGrubCfg(text);
    const wanted = { do: 'boot', kernel: '/boot/linux', initrds: ['/boot/initrd.gz'], dtb: '/x.dtb', args: 'a b c' };
    assert.deepEqual(order.ok && order.value, wanted);
  });
  it('leaving without boot is the own disk', async () => {
    const order = await runGrubCfg("echo 'sorry'\nsleep 5\nexit\nlinux /x\n");
    assert.deepEqual(order.ok && order.value, { do: 'local-disk' });
  });
});

describe('an iPXE script', () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    [
      'settings are expanded, options dropped, what stands behind || is not run',
      '#!ipxe\n# note\nset base http://10.0.0.1\nkernel --name linux ${base}/k mac=${mac} q || goto failed\ninitrd --name i ${base}/i || goto failed\nboot || goto failed\n:failed\nexit\n',
      { do: 'boot', kernel: 'http://10.0.0.1/k', initrds: ['http://10.0.0.1/i'], dtb: undefined, args: 'mac=52:54 q' },
    ],
    ['chain leads on', '#!ipxe\nchain --autofree x.ipxe\n', { do: 'chain', to: 'x.ipxe' }],
    ['exit is the own disk', '#!ipxe\nsleep 5\nexit\n', { do: 'local-disk' }],
  ];
  for (const [name, text, wanted] of cases)
    it(name, () => {
      const order = parseIpxeScript(text, { mac: '52:54' });
      assert.deepEqual(order.ok && order.value, wanted);
    });
  it('what does not begin with #!ipxe is no script', () => {
    assert.equal(parseIpxeScript('kernel x\nboot\n', {}).ok, false);
  });
});

describe("a Raspberry Pi's config.txt", () => {
  const read = (text: string): unknown => {
    const order = readRpiConfig(text);
    return order.ok ? order.value : order.error;
  };
  const plain = { kernel: 'kernel8.img', initrd: undefined, dtb: undefined };
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['without a kernel there is a name by custom', 'arm_64bit=1\n', plain],
    [
      'the files are named, the initrd without an equals sign',
      '# x\narm_64bit=1\nkernel=a/b\ninitramfs c/d followkernel\ndevice_tree=e.dtb\n',
      { kernel: 'a/b', initrd: 'c/d', dtb: 'e.dtb' },
    ],
    ['an initrd with an equals sign is none', 'arm_64bit=1\ninitramfs=c followkernel\n', plain],
    ['lines for other models are passed over', '[pi0]\nkernel=x\n[all]\narm_64bit=1\n', plain],
    ['the last of a setting counts', 'arm_64bit=1\nkernel=x\nkernel=y\n', { ...plain, kernel: 'y' }],
    ['a long line is cut', `arm_64bit=1\nkernel=${'k'.repeat(100)}\n`, { ...plain, kernel: 'k'.repeat(71) }],
    ['a kernel for 32 bits is none here', 'kernel=x\n', 'arm_64bit is not 1, and the kernel is for 64 bits'],
  ];
  for (const [title, text, want] of cases)
    it(title, () => {
      assert.deepEqual(read(text), want);
    });
});
