import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { BOOT_FORMATS, type BootFormat } from '../../server/core/board.ts';
import type { BootPlan } from '../../server/core/boot-plan.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { faultOfWord } from '../../server/core/kernel-args.ts';
import { openRender } from '../../server/render/render.ts';
import { parseScriptImage } from '../../server/wire/uboot/legacy-image.ts';
import { artefact, facts, uboot } from '../core/boot-fixtures.ts';
import { ipxeSettingsOf, readByGrub, readByIpxe, readByUbootHush, readByUbootMacros } from './loader-models.ts';

const TEMPLATES = fileURLToPath(new URL('../../templates', import.meta.url));
const render = openRender([TEMPLATES]);
const planned = planBoot(facts, uboot);
assert.ok(planned.do === 'boot');
type Boot = typeof planned;
const plan: Boot = planned;

/** The text of a rendered plan; a script image is unwrapped. */
function textOf(format: BootFormat, shown: BootPlan): string {
  const octets = render(format, shown);
  if (!octets.ok) return `refused: ${octets.error}`;
  const text = new TextDecoder('utf-8', { fatal: true });
  if (format !== 'boot-script') return text.decode(octets.value);
  const script = parseScriptImage(octets.value);
  return script.ok ? script.value : `refused: ${script.error}`;
}
const withWords = (...words: string[]): Boot => ({
  ...plan,
  args: { ...plan.args, words: words.map((word) => ({ word, origin: 'machine' })) },
});
const lineWith = (text: string, start: string): string =>
  text.split('\n').find((line) => line.trimStart().startsWith(start)) ?? `no line with ${start}`;

/** A Raspberry Pi's config.txt holds no arguments and says nothing to people; it has tests of its own below. */
type Told = Exclude<BootFormat, 'rpi'>;
const TOLD = BOOT_FORMATS.filter((format): format is Told => format !== 'rpi');

describe('render', () => {
  it('extlinux: one directive a line, paths relative to the root', () => {
    assert.equal(
      textOf('extlinux', { ...plan, dtb: artefact('b.dtb', 'c3') }),
      [
        '# Farrier for 52:54:00:12:34:56',
        'default farrier',
        'prompt 0',
        'label farrier',
        '  kernel boot/a1a1a1a1a1a1a1a1/linux',
        '  initrd boot/b2b2b2b2b2b2b2b2/initrd.gz',
        '  fdt boot/c3c3c3c3c3c3c3c3/b.dtb',
        '  append quiet console=ttyAMA0,115200 BOOTIF=01-52-54-00-12-34-56',
        '',
      ].join('\n'),
    );
  });

  it('without initrd and DTB their lines are gone', () => {
    const text = textOf('extlinux', { ...plan, initrd: undefined });
    assert.doesNotMatch(text, /initrd|fdt/);
  });

  it('boot script: addresses fall back to the board, the size of the initrd is taken at once', () => {
    const text = textOf('boot-script', plan);
    assert.match(text, /^if test -z "\$\{fdt_addr_r\}"; then setenv fdt_addr_r 0x43e00000; fi$/m);
    assert.match(
      text,
      /tftpboot \$\{ramdisk_addr_r\} boot\/b2b2b2b2b2b2b2b2\/initrd\.gz; then\n {2}setenv farrier_initrd \$\{ramdisk_addr_r\}:\$\{filesize\}/,
    );
    assert.match(text, /^ {2}booti \$\{kernel_addr_r\} \$\{farrier_initrd\} \$\{farrier_fdt\}$/m);
    assert.match(text, /setenv farrier_fdt \$\{fdtcontroladdr\}/);
  });

  it("boot script: a served DTB takes the place of u-boot's own", () => {
    const text = textOf('boot-script', { ...plan, dtb: artefact('b.dtb', 'c3') });
    assert.match(text, /tftpboot \$\{fdt_addr_r\} boot\/c3c3c3c3c3c3c3c3\/b\.dtb/);
    assert.doesNotMatch(text, /fdtcontroladdr/);
  });

  const commands = [
    ['Image', 'booti'],
    ['zImage', 'bootz'],
    ['uImage', 'bootm'],
    ['FIT', 'bootm'],
  ] as const;
  for (const [kernelFormat, command] of commands)
    it(`boot script: ${kernelFormat} is started by ${command}`, () => {
      assert.match(lineWith(textOf('boot-script', { ...plan, kernelFormat }), 'boot'), new RegExp(`^ +${command} `));
    });

  it('boot script: u-boot starts no bzImage', () => {
    assert.equal(textOf('boot-script', { ...plan, kernelFormat: 'bzImage' }), 'refused: u-boot starts no bzImage');
  });

  it('the script image is the same whenever it is made', () => {
    const octets = render('boot-script', plan);
    assert.ok(octets.ok);
    assert.equal(Buffer.from(octets.value).readUInt32BE(8), 0);
  });

  it('grub: absolute paths, each word quoted', () => {
    const text = textOf('grub', { ...plan, dtb: artefact('b.dtb', 'c3') });
    assert.match(text, /^if linux \/boot\/a1a1a1a1a1a1a1a1\/linux 'quiet' 'console=ttyAMA0,115200' /m);
    assert.match(text, /initrd \/boot\/b2b2b2b2b2b2b2b2\/initrd\.gz/);
    assert.match(text, /devicetree \/boot\/c3c3c3c3c3c3c3c3\/b\.dtb/);
  });

  it('ipxe: URLs of this server', () => {
    const text = textOf('ipxe', plan);
    assert.match(text, /^#!ipxe\n/);
    assert.match(
      text,
      /^kernel --name linux http:\/\/10\.77\.0\.1:5240\/boot\/a1a1a1a1a1a1a1a1\/linux quiet .* \|\| goto failed$/m,
    );
    assert.match(
      text,
      /^initrd --name initrd\.gz http:\/\/10\.77\.0\.1:5240\/boot\/b2b2b2b2b2b2b2b2\/initrd\.gz \|\| goto failed$/m,
    );
  });

  const refusal: BootPlan = { do: 'refuse', because: 'need 512 octets', remedy: 'shorten them by 1', args: undefined };
  const says: Readonly<Record<Told, RegExp>> = {
    extlinux: /menu label Farrier refuses: need 512 octets\. Remedy: shorten them by 1\n {2}localboot 1\n$/,
    'boot-script': /echo 'Farrier refuses: need 512 octets\. Remedy: shorten them by 1'\n$/,
    grub: /echo 'Farrier refuses: need 512 octets\. Remedy: shorten them by 1'\nsleep 5\nexit\n$/,
    ipxe: /echo Farrier refuses: need 512 octets\. Remedy: shorten them by 1\nsleep 5\nexit\n$/,
  };
  for (const format of TOLD) {
    it(`${format}: a refusal is said on the console, then the next boot device comes`, () => {
      assert.match(textOf(format, refusal), says[format]);
    });
    it(`${format}: the own disk comes with its reason and without a kernel`, () => {
      const text = textOf(format, { do: 'local-disk', because: 'state ready' });
      assert.match(text, /state ready/);
      assert.doesNotMatch(text, /kernel|linux|tftpboot/);
    });
    it(`${format}: nothing is made for whom is ignored`, () => {
      assert.match(textOf(format, { do: 'ignore', because: 'a stranger' }), /^refused: nothing is served/);
    });
    it(`${format}: a file name that could be more than a name is refused`, () => {
      for (const name of ['a b', '../x', "a'", 'a\nkernel b', '$x', '-n', '.x', ''])
        assert.match(textOf(format, { ...plan, kernel: artefact(name, 'a1') }), /^refused: .*path/);
    });
    it(`${format}: template language anywhere in a plan is never run`, () => {
      const source = '{{7*7}}{% set x = 7*7 %}{{x}}{# c #}';
      const everywhere: readonly BootPlan[] = [
        { do: 'refuse', because: source, remedy: source, args: undefined },
        { do: 'local-disk', because: source },
        { ...withWords(`x=${source.replaceAll(' ', '')}`), bundle: source, board: source },
        { ...plan, kernel: artefact(source, 'a1') },
        { ...plan, initrd: artefact(source, 'a1') },
        { ...plan, dtb: artefact(source, 'a1') },
        { ...plan, loadAddresses: { kernel: source } },
      ];
      for (const shown of everywhere) assert.doesNotMatch(textOf(format, shown), /49/);
    });
    it(`${format}: template language in a word stays text or is refused`, () => {
      const text = textOf(format, withWords('x={{7*7}}', '{%a%}'));
      assert.ok(text.includes('{{7*7}}') && text.includes('{%a%}'), text);
    });
  }

  it('extlinux: a long reason is told in short, for old u-boots print it through a small buffer', () => {
    const text = textOf('extlinux', { do: 'local-disk', because: 'one word more '.repeat(80) });
    assert.ok(lineWith(text, 'menu label ').length < 170);
  });

  it('a load address that is no number is refused', () => {
    const odd = { ...plan, loadAddresses: { kernel: '0x40; reset' } };
    assert.match(textOf('boot-script', odd), /kernel_addr_r is no hexadecimal number/);
  });
});

describe('render: config.txt of a Raspberry Pi', () => {
  it('names kernel, initrd and DTB by digest, for 64 bits, and the lines of the board', () => {
    const dtb = artefact('bcm2711-rpi-4-b.dtb', 'c3');
    const text = textOf('rpi', { ...plan, dtb, rpi: { firmware: [], config: ['dtparam=audio=off'] } });
    const lines = text.split('\n').filter((line) => !line.startsWith('#'));
    assert.deepEqual(lines, [
      '[all]',
      'os_check=0',
      'arm_64bit=1',
      'enable_uart=1',
      'kernel=boot/a1a1a1a1a1a1a1a1/linux',
      'initramfs boot/b2b2b2b2b2b2b2b2/initrd.gz followkernel',
      'device_tree=boot/c3c3c3c3c3c3c3c3/bcm2711-rpi-4-b.dtb',
      'dtparam=audio=off',
      '',
    ]);
  });
  it('a kernel for 32 bits says so; without initrd and DTB there are no such lines', () => {
    const text = textOf('rpi', { ...plan, kernelFormat: 'zImage', initrd: undefined, dtb: undefined });
    assert.match(text, /^arm_64bit=0$/m);
    assert.doesNotMatch(text, /^(initramfs|device_tree)/m);
  });
  it('no line is longer than the oldest firmware reads, whatever the names of bundle and board', () => {
    const long = textOf('rpi', { ...plan, bundle: `${'b'.repeat(200)}@1`, board: 'x'.repeat(200) });
    for (const line of long.split('\n')) assert.ok(line.length <= 78, line);
  });
  it('is not made for a machine that boots its disk, is refused or ignored: the reason is given', () => {
    assert.match(
      textOf('rpi', { do: 'local-disk', because: 'state ready' }),
      /^refused: nothing is served: state ready/,
    );
    const refused: BootPlan = { do: 'refuse', because: 'no DTB', remedy: 'give it one', args: undefined };
    assert.match(textOf('rpi', refused), /^refused: nothing is served: no DTB/);
    assert.match(textOf('rpi', { do: 'ignore', because: 'a stranger' }), /^refused: nothing is served/);
  });
  it('a file name that could be more than a name is refused', () => {
    for (const name of ['a b', '../x', 'a\ndtoverlay=x', '', '[pi4]'])
      assert.match(textOf('rpi', { ...plan, kernel: artefact(name, 'a1') }), /^refused: .*path/);
  });
});

describe('render: hostile words', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }),
    fc.string({
      unit: fc.constantFrom('a', '=', ' ', '"', "'", '\\', '$', '{', '}', ';', '#', '&', '|', '\n', '\r', '\0', '`'),
      minLength: 1,
      maxLength: 10,
    }),
  );
  const clean = word.filter((text) => faultOfWord(text) === undefined);
  const reads: Readonly<Record<Told, (text: string) => string>> = {
    extlinux: (text) => readByUbootMacros(lineWith(text, 'append ').slice('  append '.length)),
    'boot-script': (text) => readByUbootHush(lineWith(text, 'setenv bootargs ').slice('setenv bootargs '.length)),
    grub: (text) => readByGrub(/^if linux \S+ (.*); then$/m.exec(text)?.[1] ?? 'no linux line'),
    ipxe: (text) => readByIpxe(lineWith(text, 'kernel '), ipxeSettingsOf(text)).slice(4).join(' '),
  };
  for (const format of TOLD) {
    const lines = textOf(format, withWords('plain')).split('\n').length;
    it(`${format}: property: never a line more, and the loader reads back every octet`, () => {
      fc.assert(
        fc.property(fc.array(clean, { minLength: 1, maxLength: 4 }), (words) => {
          const text = textOf(format, withWords(...words));
          if (text.startsWith('refused: ')) return;
          assert.equal(text.replace(/^set farrier-.*\n/gm, '').split(/[\n\r\u2028]/).length, lines);
          assert.equal(reads[format](text), words.join(' '));
        }),
      );
    });
    it(`${format}: property: reasons of any kind stay on their lines and say nothing but words`, () => {
      fc.assert(
        fc.property(word, word, (because, remedy) => {
          const text = textOf(format, { do: 'refuse', because, remedy, args: undefined });
          for (const line of text.split('\n')) assert.match(line, /^[\x20-\x7e]*$/);
          const spoken = text.split('\n').filter((line) => /Farrier refuses/.test(line));
          assert.equal(spoken.length, 1);
          assert.doesNotMatch(
            spoken[0]?.replace(/^(echo '|.*menu label )/, '').replace(/'$/, '') ?? '',
            /["'`$;\\#{}|&<>]/,
          );
        }),
      );
    });
  }
});

describe('openRender', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-templates-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("a site's template shadows the shipped one", () => {
    writeFileSync(join(folder, 'extlinux.njk'), '# site {{ title }}\n');
    const octets = openRender([folder, TEMPLATES])('extlinux', plan);
    assert.equal(octets.ok && new TextDecoder().decode(octets.value), '# site Farrier for 52:54:00:12:34:56\n');
  });

  it('a missing template stops the start, by name', () => {
    assert.throws(() => openRender([folder]), /no template boot-script\.njk in/);
  });

  it('a value a template asks for and nobody gives is an error, not an empty text', () => {
    writeFileSync(join(folder, 'extlinux.njk'), '{{ nobody }}');
    assert.throws(() => openRender([folder, TEMPLATES])('extlinux', plan), /undefined/);
  });

  it('a template that does not parse stops the start', () => {
    writeFileSync(join(folder, 'extlinux.njk'), '{% if %}');
    assert.throws(() => openRender([folder, TEMPLATES]), /extlinux\.njk/);
  });
});
