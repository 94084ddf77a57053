import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { planBoot } from '../../server/core/plan-boot.ts';
import { recognise } from '../../server/core/recognise.ts';
import { openBoards } from '../../server/files/board-catalogue.ts';
import { digestOf } from '../../server/files/board-dtb.ts';
import { lintBoards } from '../../server/files/lint-boards.ts';
import { agent, facts, machine, macFrom, uboot, uefi } from '../core/boot-fixtures.ts';
import { buildFdt } from '../wire/fdt/build-fdt.ts';

const SHIPPED = fileURLToPath(new URL('../../dtbs', import.meta.url));
const dtb = buildFdt({ name: '', properties: { model: 'Bench\0', compatible: 'acme,bench\0acme,soc\0' }, nodes: [] });

const BENCH = `title: Bench
arch: arm64
signs: { clientArch: [22], dtCompatible: ["acme,bench"] }
compatible: ["acme,bench"]
loaders:
  - { loader: u-boot, formats: [extlinux], argOctetsMax: { extlinux: 255 } }
kernelFormat: Image
sources: [a test]
`;
const DTB = `dtb: { file: bench.dtb, source: the bench, licence: none }\n`;

describe('the board catalogue', () => {
  let root = '';
  const put = (path: string, octets: string | Uint8Array): string => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, octets);
    return file;
  };
  const ours = (): string => join(root, 'ours');
  const site = (): string => join(root, 'site');
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'farrier-boards-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('reads a board, with careful choices for what it does not say', () => {
    const file = put('ours/bench/board.yaml', BENCH);
    const boards = openBoards([ours()]);
    assert.deepEqual(boards.findings(), []);
    const bench = boards.byName('bench');
    assert.equal(bench?.file, file);
    assert.deepEqual(
      [bench.proof, bench.kernelArgOctetsMax, bench.powerOffS, bench.shadows, bench.dtb, bench.dtbMissing],
      ['untested', 2047, 5, undefined, undefined, undefined],
    );
    assert.deepEqual(bench.loaders[0]?.argOctetsMax, { extlinux: 255 });
  });

  it('folders without a board.yaml, and folders that are not there, hold no boards', () => {
    put('ours/readme/README.md', 'hello');
    put('ours/README.md', 'a plain file beside the boards');
    assert.deepEqual(openBoards([ours(), join(root, 'nowhere')]).list(), []);
  });

  it("a site's board shadows the shipped one, and it shows", () => {
    const shipped = put('ours/bench/board.yaml', BENCH);
    const own = put('site/bench/board.yaml', BENCH.replace('title: Bench', 'title: Ours'));
    const bench = openBoards([ours(), site()]).byName('bench');
    assert.deepEqual([bench?.title, bench?.file, bench?.shadows], ['Ours', own, shipped]);
  });

  it('a broken site board is missing, not replaced by the shipped one', () => {
    put('ours/bench/board.yaml', BENCH);
    put('site/bench/board.yaml', 'title: [\n');
    const boards = openBoards([ours(), site()]);
    assert.equal(boards.byName('bench'), undefined);
    assert.equal(boards.findings().length > 0, true);
  });

  it('takes unset fields from the board it extends, but never its proof', () => {
    put('ours/bench/board.yaml', `${BENCH}proof: tested\npowerOffS: 9\nearlycon: pl011,0x9000000\n`);
    put('ours/bench-b/board.yaml', 'title: B\nextends: bench\nsources: [x]\npowerOffS: 3\n');
    const child = openBoards([ours()]).byName('bench-b');
    assert.deepEqual(
      [child?.extends, child?.arch, child?.powerOffS, child?.earlycon, child?.proof, child?.sources],
      ['bench', 'arm64', 3, 'pl011,0x9000000', 'untested', ['x']],
    );
  });

  it("a site's board may extend the very board it shadows", () => {
    put('ours/bench/board.yaml', BENCH);
    put('site/bench/board.yaml', 'extends: bench\npowerOffS: 30\n');
    const bench = openBoards([ours(), site()]).byName('bench');
    assert.deepEqual([bench?.title, bench?.powerOffS], ['Bench', 30]);
  });

  describe('firmware files', () => {
    const FIRMWARE = "firmware: [{ file: start4.elf, source: the maker, licence: the maker's }]\n";

    it('that are there are opened by their digest, for the boards that take them over too', async () => {
      put('ours/bench/board.yaml', BENCH + FIRMWARE);
      put('ours/bench/start4.elf', 'octets of the maker');
      put('ours/child/board.yaml', 'title: C\nextends: bench\nsources: [x]\n');
      const boards = openBoards([ours()]);
      const found = boards.byName('child')?.firmware?.[0]?.artefact;
      assert.deepEqual([found?.name, found?.octets], ['start4.elf', 19]);
      const content = found && (await boards.openDtb(found.sha256));
      assert.equal(Buffer.from(content?.whole ?? []).toString(), 'octets of the maker');
    });

    const wrong: readonly (readonly [string, string | undefined, string, RegExp])[] = [
      ['not there', undefined, FIRMWARE, /start4\.elf is not there; take it from the maker/],
      ['empty', '', FIRMWARE, /start4\.elf is empty/],
      [
        'another than was declared',
        'x',
        FIRMWARE.replace('source', `sha256: '${'0'.repeat(64)}', source`),
        /has sha256 2d71.*but 0000/,
      ],
    ];
    for (const [title, octets, text, want] of wrong)
      it(`that are ${title} are missing in words, and the linter says so`, () => {
        put('ours/bench/board.yaml', BENCH + text);
        if (octets !== undefined) put('ours/bench/start4.elf', octets);
        const [row] = openBoards([ours()]).byName('bench')?.firmware ?? [];
        assert.equal(row?.artefact, undefined);
        assert.match(row?.missing ?? '', want);
        const told = lintBoards([ours()]).find((each) => /boots of this board are refused/.test(each.words));
        assert.deepEqual([told?.severity, told?.line], ['warning', 9]);
      });

    it('that come or change are noticed', () => {
      put('ours/bench/board.yaml', BENCH + FIRMWARE);
      const boards = openBoards([ours()]);
      put('ours/bench/start4.elf', 'first');
      assert.equal(boards.refresh(), true);
      assert.equal(boards.byName('bench')?.firmware?.[0]?.artefact?.octets, 5);
      assert.equal(boards.refresh(), false);
    });
  });

  it('TFTP habits are read as they stand', () => {
    put('ours/bench/board.yaml', `${BENCH}tftp: { blksizeMax: 512, rollOverTo: 1, singlePort: true }\n`);
    assert.deepEqual(openBoards([ours()]).byName('bench')?.tftp, {
      ...{ blksizeMax: 512, windowsizeMax: undefined, options: true },
      ...{ rollOverTo: 1, singlePort: true },
    });
  });

  it('boards that extend each other, or nobody, are errors at that line', () => {
    put('ours/a/board.yaml', 'title: A\nextends: b\nsources: [x]\n');
    put('ours/b/board.yaml', 'title: B\nextends: a\nsources: [x]\n');
    put('ours/c/board.yaml', 'title: C\nsources: [x]\nextends: nobody\n');
    const boards = openBoards([ours()]);
    assert.deepEqual(boards.list(), []);
    assert.deepEqual(
      boards.findings().map((each) => each.line),
      [2, 2, 3],
    );
    assert.match(boards.findings()[2]?.words ?? '', /"nobody", which it extends, is not there/);
  });

  const faults: readonly (readonly [string, string, number, RegExp])[] = [
    [
      'a wrong letter in a field',
      BENCH.replace('kernelFormat', 'kernelformat'),
      7,
      /"kernelformat" is no field.*did you mean "kernelFormat"/,
    ],
    ['a field nobody has', `${BENCH}colour: red\n`, 9, /"colour" is no field/],
    [
      'a wrong value deep inside',
      BENCH.replace('formats: [extlinux]', 'formats: [grubb]'),
      6,
      /loaders\.0\.formats\.0/,
    ],
    ['a MAC beginning that is none', BENCH.replace('clientArch: [22]', 'oui: ["5254"]'), 3, /write it like 52:54:00/],
    ['YAML that is none', `${BENCH}dtb: { file: [\n`, 10, /mend the YAML/],
    ['a field that must be given', BENCH.replace('kernelFormat: Image\n', ''), 1, /must be given/],
    ['a DTB outside of its folder', `${BENCH}${DTB.replace('bench.dtb', '../bench.dtb')}`, 9, /plain file name/],
    ['an unquoted load address', `${BENCH}loadAddresses: { kernel: 0x40400000 }\n`, 9, /loadAddresses\.kernel/],
    ['an empty file', '', 1, /must be given/],
  ];
  for (const [title, text, line, want] of faults)
    it(`names line and remedy of ${title}`, () => {
      const file = put('ours/bench/board.yaml', text);
      const boards = openBoards([ours()]);
      const [first] = boards.findings();
      assert.deepEqual([first?.file, first?.line, first?.severity, boards.list().length], [file, line, 'error', 0]);
      assert.match(`${first?.words ?? ''} ${first?.remedy ?? ''}`, want);
    });

  it('a folder name that cannot name a board is an error', () => {
    put('ours/Bench Board/board.yaml', BENCH);
    assert.match(openBoards([ours()]).findings()[0]?.words ?? '', /cannot name a board/);
  });

  it('a DTB that lies beside the board is offered by digest', async () => {
    put('ours/bench/board.yaml', BENCH + DTB);
    const path = put('ours/bench/bench.dtb', dtb);
    const boards = openBoards([ours()]);
    const found = boards.byName('bench')?.dtb;
    assert.ok(found);
    assert.deepEqual([found.sha256, found.octets, found.name], [digestOf(dtb), dtb.length, 'bench.dtb']);
    assert.equal(boards.findDtb(found.sha256.slice(0, 16)), found.sha256);
    assert.equal(boards.findDtb(found.sha256.slice(0, 15)), undefined);
    const content = await boards.openDtb(found.sha256);
    assert.deepEqual(
      await content?.read(4, 8),
      dtb.slice(4, 12).length === 8 ? Buffer.from(dtb.slice(4, 12)) : undefined,
    );
    assert.deepEqual(content && Buffer.from(content.whole ?? []), Buffer.from(dtb));
    content?.close();
    writeFileSync(path, dtb.slice(0, -1));
    assert.equal(await boards.openDtb(found.sha256), undefined, 'never other octets under the old digest');
    rmSync(path);
    assert.equal(await boards.openDtb(found.sha256), undefined);
  });

  const bad: readonly (readonly [string, string, Uint8Array | undefined, RegExp])[] = [
    ['is not there', DTB, undefined, /bench\.dtb is not there; take it from the bench/],
    ['is cut short', DTB, dtb.slice(0, -4), /says \d+ octets, but only/],
    ['is a page of HTML', DTB, Buffer.from('<html>'.padEnd(200)), /d00dfeed/],
    [
      'is of another board',
      DTB,
      buildFdt({ name: '', properties: { compatible: 'other,board\0' }, nodes: [] }),
      /is of "other,board", not of "acme,bench"/,
    ],
    [
      'has another digest',
      DTB.replace('{ ', `{ sha256: "${'0'.repeat(64)}", `),
      dtb,
      /has sha256 [0-9a-f]{64}, but 0+ is declared/,
    ],
    ['has another size', DTB.replace('{ ', '{ octets: 5, '), dtb, /has \d+ octets, but 5 are declared/],
  ];
  for (const [title, yaml, octets, want] of bad)
    it(`a DTB that ${title} refuses the boot, in words`, () => {
      put('ours/bench/board.yaml', BENCH + yaml);
      if (octets) put('ours/bench/bench.dtb', octets);
      const board = openBoards([ours()]).byName('bench');
      assert.equal(board?.dtb, undefined);
      assert.match(board?.dtbMissing ?? '', want);
      const plan = planBoot({ ...facts, board }, uboot);
      assert.equal(plan.do, 'refuse');
      assert.match(plan.because, want);
    });

  it('an inherited DTB is the file of the board that declares it', () => {
    put('ours/bench/board.yaml', BENCH + DTB);
    put('ours/bench/bench.dtb', dtb);
    put('ours/bench-b/board.yaml', 'title: B\nextends: bench\nsources: [x]\n');
    assert.equal(openBoards([ours()]).byName('bench-b')?.dtb?.sha256, digestOf(dtb));
  });

  it('reads again when a file changes, appears or goes, and only then', () => {
    const file = put('ours/bench/board.yaml', BENCH);
    const boards = openBoards([ours()]);
    assert.equal(boards.refresh(), false);
    writeFileSync(file, BENCH.replace('title: Bench', 'title: Bank'));
    utimesSync(file, 1, 1);
    assert.equal(boards.refresh(), true);
    assert.equal(boards.byName('bench')?.title, 'Bank');
    put('ours/bench-b/board.yaml', BENCH);
    assert.equal(boards.refresh(), true);
    rmSync(file);
    assert.equal(boards.refresh(), true);
    assert.deepEqual(
      boards.list().map((each) => each.name),
      ['bench-b'],
    );
    assert.equal(boards.refresh(), false);
  });

  it('notices a DTB dropped beside its board', () => {
    put('ours/bench/board.yaml', BENCH + DTB);
    const boards = openBoards([ours()]);
    assert.match(boards.byName('bench')?.dtbMissing ?? '', /not there/);
    put('ours/bench/bench.dtb', dtb);
    assert.equal(boards.refresh(), true);
    assert.equal(boards.byName('bench')?.dtbMissing, undefined);
  });

  const lints: readonly (readonly [string, string, 'error' | 'warning', RegExp])[] = [
    [
      'lines of config.txt on a board that reads none',
      `${BENCH}rpiConfig: ['gpu_mem=16']\n`,
      'warning',
      /only a Raspberry Pi reads config\.txt/,
    ],
    [
      'a Raspberry Pi without a device tree',
      BENCH.replace(
        'loader: u-boot, formats: [extlinux], argOctetsMax: { extlinux: 255 }',
        'loader: rpi, formats: [rpi]',
      ),
      'warning',
      /starts no kernel without a device tree/,
    ],
    [
      'a format its loader cannot read',
      BENCH.replace('loader: u-boot', 'loader: uefi'),
      'error',
      /uefi reads no extlinux.*it reads: grub/,
    ],
    [
      'a u-boot without a limit',
      BENCH.replace(', argOctetsMax: { extlinux: 255 }', ''),
      'warning',
      /255 octets are taken/,
    ],
    [
      'a limit the kernel undercuts',
      BENCH.replace('extlinux: 255', 'extlinux: 4095'),
      'warning',
      /more than the kernel's 2047/,
    ],
    ['a kernel of another architecture', BENCH.replace('Image', 'bzImage'), 'error', /arm64 has no bzImage/],
    [
      'a FIT without an address',
      BENCH.replace('kernelFormat: Image', 'kernelFormat: FIT'),
      'error',
      /where its FIT is loaded to is not said/,
    ],
    [
      "a gzip'd Image with nowhere to go",
      BENCH.replace('kernelFormat: Image', 'kernelFormat: Image.gz').replace('[extlinux]', '[extlinux, boot-script]'),
      'warning',
      /unpacked is left to its environment/,
    ],
    [
      'a uImage for a loader that is no u-boot',
      BENCH.replace('kernelFormat: Image', 'kernelFormat: uImage').replace(
        'loader: u-boot, formats: [extlinux]',
        'loader: uefi, formats: [grub]',
      ),
      'error',
      /uefi starts no uImage/,
    ],
    [
      'dtbArgs in a format the loader is not told by',
      BENCH.replace('argOctetsMax: { extlinux: 255 }', 'argOctetsMax: { extlinux: 255 }, dtbArgs: [boot-script]'),
      'error',
      /boot-script does not leave/,
    ],
    ['a word that is none', `${BENCH}kernelArgs: ["a b"]\n`, 'error', /blank outside double quotes/],
    [
      'a word its format cannot carry',
      `${BENCH.replace('[extlinux]', '[boot-script]')}kernelArgs: ["a='"]\n`,
      'error',
      /cannot pass boot-script/,
    ],
    ['a DTB that is missing', BENCH + DTB, 'warning', /boots of this board are refused/],
    ['no signs', BENCH.replace(/signs.*\n/, ''), 'warning', /nothing tells this board/],
  ];
  for (const [title, text, severity, want] of lints)
    it(`lint finds ${title}`, () => {
      put('ours/bench/board.yaml', text);
      const found = lintBoards([ours()]).filter((each) => want.test(`${each.words} ${each.remedy}`));
      assert.deepEqual(
        found.map((each) => each.severity),
        [severity],
      );
      assert.ok((found[0]?.line ?? 0) >= 1 && (found[0]?.remedy ?? '') !== '');
    });

  it('load addresses become numbers, and a kernel is entered where it is loaded unless said', () => {
    const fit = BENCH.replace('kernelFormat: Image', 'kernelFormat: FIT');
    for (const [entry, want] of [
      ['', 0x80080000],
      [", entry: '0x80080040'", 0x80080040],
    ] as const) {
      put('ours/bench/board.yaml', `${fit}kernelLoad: { load: '0x80080000'${entry} }\n`);
      const board = openBoards([ours()]).byName('bench');
      assert.deepEqual(board?.kernelLoad, { load: 0x80080000, entry: want });
    }
    assert.deepEqual(lintBoards([ours()]), []);
  });

  it('lint finds iPXE on a board with a DTB', () => {
    put(
      'ours/bench/board.yaml',
      BENCH.replace(
        '{ loader: u-boot, formats: [extlinux], argOctetsMax: { extlinux: 255 } }',
        '{ loader: ipxe, formats: [ipxe] }',
      ) + DTB,
    );
    put('ours/bench/bench.dtb', dtb);
    assert.match(lintBoards([ours()])[0]?.words ?? '', /iPXE hands over no DTB/);
  });
});

describe('the shipped boards', () => {
  const boards = openBoards([SHIPPED]);

  it('pass the linter; only DTBs that cannot be shipped are missing', () => {
    const findings = lintBoards([SHIPPED]).filter((each) => !/ is not there; take it from /.test(each.words));
    assert.deepEqual(findings, []);
    assert.equal(boards.list().length >= 11, true);
  });

  it('each names its sources and how far it is proven', () => {
    for (const board of boards.list()) assert.ok(board.sources.length >= 1 && board.proof !== 'tested', board.name);
  });

  const q = macFrom('52:54:00:00:00:01');
  const real = macFrom('00:01:73:00:00:01');
  const none = { userClass: undefined, systemUuid: undefined, facts: undefined, vendorClass: undefined };
  const pi = { ...none, mac: real, clientArch: 0, vendorClass: 'PXEClient:Arch:00000:UNDI:002001' };
  const mustang = { vendor: undefined, product: undefined, dtCompatible: ['apm,mustang', 'apm,xgene-storm'] };
  const seen = [
    ['u-boot arm64', { ...none, mac: real, clientArch: 22 }, 'generic-arm64-uboot'],
    ['u-boot armhf', { ...none, mac: real, clientArch: 21 }, 'generic-armhf-uboot'],
    ['u-boot arm64 in QEMU', { ...none, mac: q, clientArch: 22 }, 'qemu-virt-arm64-uboot'],
    ['its EFI step', { ...none, mac: q, clientArch: 11 }, 'qemu-virt-arm64-uboot'],
    ['u-boot armhf in QEMU', { ...none, mac: q, clientArch: 21 }, 'qemu-virt-armhf-uboot'],
    ['UEFI x64', { ...none, mac: real, clientArch: 7, systemUuid: 'u' }, 'generic-x64-uefi'],
    ['HTTP boot x64', { ...none, mac: real, clientArch: 16, systemUuid: 'u' }, 'generic-x64-uefi'],
    ['HTTP boot arm64 in QEMU', { ...none, mac: q, clientArch: 19, systemUuid: 'u' }, 'qemu-virt-arm64-uefi'],
    ['UEFI x64 in QEMU', { ...none, mac: q, clientArch: 7, systemUuid: 'u' }, 'qemu-q35-x64-uefi'],
    ['UEFI arm64', { ...none, mac: real, clientArch: 11, systemUuid: 'u' }, 'generic-arm64-uefi'],
    ['UEFI arm64 in QEMU', { ...none, mac: q, clientArch: 11, systemUuid: 'u' }, 'qemu-virt-arm64-uefi'],
    ['a BIOS', { ...none, mac: real, clientArch: 0, systemUuid: 'u' }, 'generic-x64-bios'],
    [
      'iPXE on a BIOS in QEMU',
      { ...none, mac: q, clientArch: 0, userClass: 'iPXE', systemUuid: 'u' },
      'qemu-pc-x64-bios',
    ],
    ['a Raspberry Pi 3', { ...pi, mac: macFrom('b8:27:eb:00:00:01') }, 'raspberrypi-3b'],
    ['a Raspberry Pi 4', { ...pi, systemUuid: '34695052-3114-00d0-0000-000000000001' }, 'raspberrypi-4b'],
    ['a Raspberry Pi 5', { ...pi, systemUuid: '35695052-4170-00d0-0000-000000000001' }, 'raspberrypi-5'],
    ['a Raspberry Pi of another model', { ...pi, systemUuid: '34695052-3130-00c0-0000-000000000001' }, undefined],
    ['a PC that says the same vendor class', pi, 'generic-x64-bios'],
    ['a Mustang, once its agent ran', { ...none, mac: real, clientArch: 22, facts: mustang }, 'apm-mustang'],
  ] as const;
  for (const [title, evidence, want] of seen)
    it(`${title} is recognised as ${want}`, () => {
      assert.equal(recognise(boards.list(), evidence)?.board, want);
    });

  it('the agent fits every board in every format that its loader can ask for', () => {
    for (const board of boards.list().filter((each) => each.dtbMissing === undefined))
      for (const loader of board.loaders)
        for (const format of loader.formats) {
          const ask = board.arch === 'amd64' ? uefi : uboot;
          const clientArch = board.signs.clientArch[0];
          const given = {
            ...facts,
            board,
            machine: { ...machine, state: 'new' as const },
            agent: { ...agent, arch: board.arch },
          };
          const plan = planBoot(given, { ...ask, systemUuid: 'u', clientArch, format });
          assert.equal(plan.do, 'boot', `${board.name} ${format}: ${plan.because}`);
        }
  });
});
