import { strict as assert } from 'node:assert';
import { measureArgs, type ArgOrigin, type KernelArg } from '../../server/core/kernel-args.ts';
import { findingText, lintArgs } from '../../server/core/lint-args.ts';
import { ubootBoard } from './boot-fixtures.ts';

const room = {
  loaderLayer: "u-boot's extlinux",
  loaderOctetsMax: 255,
  kernelOctetsMax: 2047,
  prefix: '',
  escapeOctets: 0,
};
const arg = (word: string, origin: ArgOrigin = 'machine', parameter?: string): KernelArg =>
  parameter === undefined ? { word, origin } : { word, origin, parameter };
const lint = (words: readonly KernelArg[], octetsMax = 255): readonly string[] =>
  lintArgs(measureArgs(words, { ...room, loaderOctetsMax: octetsMax }), ubootBoard).map(findingText);

describe('the lint of kernel arguments', () => {
  it('says nothing of what is right', () => {
    const words = ['ro', 'quiet', 'root=/dev/vda1', 'console=tty0', 'console=ttyAMA0,115200', 'BOOTIF=01-52'];
    assert.deepEqual(lint(words.map((word) => arg(word))), []);
  });

  const cases: readonly (readonly [string, readonly KernelArg[], RegExp])[] = [
    [
      'two roots, with where each is from',
      [arg('root=/dev/vda', 'bundle'), arg('root=/dev/vda1')],
      /^warning: 2 root= arguments: "root=…" \(bundle\), "root=…" \(machine\); the last one counts; .*import the bundle/,
    ],
    [
      'the same root twice',
      [arg('root=/dev/vda', 'site'), arg('root=/dev/vda')],
      /^warning: "root=…" \(site\) and "root=…" \(machine\) are the same; one is enough: change the machine's/,
    ],
    [
      'a word twice',
      [arg('quiet', 'bundle'), arg('quiet', 'site')],
      /^warning: "quiet" \(bundle\) and "quiet" \(site\) are the same; .*siteArgs/,
    ],
    [
      'a console the board does not have',
      [arg('console=ttyS0,9600', 'machine', 'kernel.console'), arg('console=ttyAMA0', 'board')],
      /^warning: .*parameter kernel\.console\) names ttyS0, but the console of board "bench-uboot" is ttyAMA0; change or unset the parameter kernel\.console/,
    ],
    [
      'a screen that takes /dev/console from the wire',
      [arg('console=ttyAMA0', 'board'), arg('console=tty0')],
      /^note: the last console is tty0, so \/dev\/console is not ttyAMA0.*put console=ttyAMA0 last/,
    ],
    ['silence and talk', [arg('quiet', 'bundle'), arg('debug')], /^warning: "quiet" \(bundle\) and "debug".*silent/],
    [
      'quiet under a verbose switch',
      [arg('quiet', 'bundle'), arg('ignore_loglevel', 'once', 'debug.verbose')],
      /^warning: "quiet"/,
    ],
    [
      'a root read-only and writable',
      [arg('ro', 'bundle'), arg('rw')],
      /^warning: "ro" .* "rw" .*as the later one says/,
    ],
    [
      'a nearer value over a farther one: only a note',
      [arg('panic=60', 'bundle'), arg('panic=0', 'once', 'debug.hold-on-panic')],
      /^note: "panic=…" \(once, parameter debug\.hold-on-panic\) stands after "panic=…" \(bundle\): the last one counts/,
    ],
    [
      'two values of one origin: a slip',
      [arg('panic=1'), arg('panic=2')],
      /^warning: "panic=…" \(machine\) stands after/,
    ],
    [
      'names that the kernel takes for the same',
      [arg('log-buf-len=1'), arg('log_buf_len=2')],
      /^warning: "log_buf_len=…"/,
    ],
    [
      'what is no kernel argument',
      [arg('a b', 'bundle')],
      /^error: "a b" \(bundle\) is no kernel argument: it holds a blank/,
    ],
  ];
  for (const [title, words, want] of cases)
    it(title, () => {
      const said = lint(words);
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0] ?? '', want);
    });

  it('each layer’s limit: an error with what is too much, a note when little is left, nothing before', () => {
    const words = [arg('x'.repeat(100))];
    assert.deepEqual(lint(words, 99), ["error: u-boot's extlinux holds 99 octets, these need 100; take 1 octets out"]);
    assert.deepEqual(lint(words, 110), [
      "note: u-boot's extlinux holds 110 octets, and 100 are used: 10 left; shorten them before you add more",
    ]);
    assert.deepEqual(lint(words, 112), []);
  });

  it('the 32nd unknown word', () => {
    const words = Array.from({ length: 32 }, (_, index) => arg(`v${index}=1`));
    assert.match(
      lint(words, 2047)[0] ?? '',
      /^error: the kernel's list .* holds 31 words, these need 32; take 1 words/,
    );
    assert.match(lint(words.slice(1), 2047)[0] ?? '', /^note: .*31 are used: 0 left/);
  });

  it('the worst come first, and a board of which no console is known has no wrong one', () => {
    const words = [arg('panic=60', 'bundle'), arg('panic=0'), arg('quiet'), arg('debug'), arg('a b')];
    assert.deepEqual(
      lint(words).map((text) => text.split(':')[0]),
      ['error', 'warning', 'note'],
    );
    const measure = measureArgs([arg('console=ttyS7')], room);
    assert.deepEqual(lintArgs(measure, { name: 'x', console: undefined }), []);
    assert.deepEqual(lintArgs(measure, undefined), []);
  });

  it('values, which may be secret, are not shown', () => {
    assert.ok(
      !lint([arg('key=hunter2'), arg('key=hunter3')])
        .join()
        .includes('hunter'),
    );
  });
});
