import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matchPattern, parsePattern } from '../../server/core/console-pattern.ts';
import { parsePatternFile, readConsolePatterns } from '../../server/files/console-patterns.ts';

/** Lines as QEMU 7.2 with Debian 12's firmware and kernels say them, and as upstream's sources have them. */
const SAID: Readonly<Record<string, string>> = {
  'U-Boot SPL 2024.01 (Jan 08 2024 - 15:37:48 +0000)': 'u-boot-spl',
  'U-Boot 2023.01+dfsg-2+deb12u1 (Nov 05 2024 - 17:05:10 +0000)': 'u-boot',
  'bootarg overflow 512+0+0+1 > 512': 'u-boot-arguments',
  'Bad Linux ARM64 Image magic!': 'u-boot-image-magic',
  'Wrong Image Format for bootm command': 'u-boot-image-format',
  'Linux version 6.1.0-28-arm64 (debian-kernel@lists.debian.org)': 'kernel',
  '[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)': 'panic-root',
  'Kernel panic - not syncing: Too many boot env vars at `x`': 'panic',
  'ALERT!  UUID=1234 does not exist.  Dropping to a shell!': 'alert-root',
  '(initramfs) ': 'initramfs-shell',
  'You are in emergency mode. After logging in, type "journalctl -xb"': 'emergency-mode',
  'grub rescue>': 'grub-rescue',
  'UEFI Interactive Shell v2.2': 'uefi-shell',
  'iPXE 1.0.0+git-20190125 -- Open Source Network Boot Firmware -- https://ipxe.org': 'ipxe',
  'debian login: ': 'login',
};

describe('console patterns: the files', () => {
  const shipped = readConsolePatterns(['dtbs']);
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'farrier-patterns-'))));
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('the shipped one has no fault, and knows what real programs say', () => {
    assert.deepEqual(shipped.findings, []);
    for (const [line, name] of Object.entries(SAID)) {
      const found = shipped.patterns.find(({ text }) => {
        const pieces = parsePattern(text);
        return pieces.ok && matchPattern(pieces.value, line) !== undefined;
      });
      assert.equal(found?.name, name, line);
    }
  });

  it('whoever stops a boot says what to try', () => {
    for (const { name, stops, remedy } of shipped.patterns)
      assert.equal(stops === undefined, remedy === undefined, name);
  });

  it('a site’s file goes first and shadows by name', () => {
    const text = "patterns:\n  - { name: login, text: 'welcome to', says: 'ours' }\n";
    writeFileSync(join(folder, 'console-patterns.yaml'), text);
    const { patterns, findings } = readConsolePatterns(['dtbs', folder]);
    assert.deepEqual(findings, []);
    assert.equal(patterns[0]?.says, 'ours');
    assert.equal(patterns.length, shipped.patterns.length);
  });

  it('a fault is named with its line, and the file counts for nothing', () => {
    const fault = (lines: string): string => {
      const { patterns, findings } = parsePatternFile('f', `patterns:\n  - name: a\n${lines}`);
      assert.deepEqual(patterns, []);
      const [first] = findings;
      return `${String(first?.line)}: ${first?.words ?? ''}`;
    };
    assert.match(fault("    text: 'ab'\n    says: x\n"), /^3: patterns\.0\.text: must begin with 4 letters/);
    assert.match(fault("    text: 'abcd'\n    says: 'x {y}'\n"), /^4: patterns\.0\.says: names the gap \{y\}/);
    assert.match(fault("    text: 'abcd'\n    says: x\n    stops: engine\n"), /^5: patterns\.0\.stops/);
    assert.match(fault("    text: 'abcd'\n    says: x\n    stops: kernel\n"), /patterns\.0\.remedy: is missing/);
    assert.match(fault("    text: 'abcd'\n    says: x\n    loader: u-boot\n"), /needs a gap \{version\}/);
    assert.match(fault("    text: 'abcd\n"), /not valid YAML/);
  });
});
