import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { Board } from '../../server/core/board.ts';
import type { BootFacts, BootPlan, BootRequest } from '../../server/core/boot-plan.ts';
import { parseBootPath } from '../../server/core/boot-path.ts';
import { firstFile } from '../../server/core/loader-file.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { requesterOf } from '../../server/core/requester.ts';
import {
  faultOfRpiLine,
  firmwareOf,
  firmwarePath,
  isOwnFolder,
  isRaspberryPi,
  isRpiName,
  rpiFileLines,
  rpiFolder,
  type RpiSigns,
} from '../../server/core/rpi.ts';
import { agent, artefact, debian, facts, machine, macFrom, ubootBoard } from './boot-fixtures.ts';

const MAC_3 = macFrom('b8:27:eb:12:34:56');
const MAC_4 = macFrom('dc:a6:32:01:36:c2');
const VENDOR = 'PXEClient:Arch:00000:UNDI:002001';
/** "RPi4", revision 0x00c03111, the end of the MAC, serial number 0xb7f44626, as option 97 carries them. */
const UUID_4 = '34695052-3111-00c0-3201-36c22646f4b7';
const UUID_3 = '44444444-4444-4444-4444-444444444444';
const pi = (change: Partial<RpiSigns>): RpiSigns => ({
  ...{ mac: MAC_4, clientArch: 0, vendorClass: VENDOR, userClass: undefined, systemUuid: UUID_4 },
  ...change,
});

describe('a Raspberry Pi by DHCP alone', () => {
  const table: readonly (readonly [string, RpiSigns, boolean])[] = [
    ['a 4 says so in option 97', pi({}), true],
    ['a 5 too', pi({ systemUuid: '35695052-4170-00d0-dd00-0501d00dfeed', mac: macFrom('02:00:00:00:00:01') }), true],
    ['a 3 by its MAC and vendor class', pi({ mac: MAC_3, systemUuid: UUID_3 }), true],
    ['its REQUEST may lack option 60', pi({ vendorClass: undefined }), true],
    ['IANA has given it a number', pi({ clientArch: 41, vendorClass: undefined, systemUuid: undefined }), true],
    ['a PC with the same vendor class is none', pi({ mac: macFrom('52:54:00:00:00:01'), systemUuid: 'u' }), false],
    ['the MAC alone does not tell: its Linux has it too', pi({ vendorClass: undefined, systemUuid: undefined }), false],
    ['nor does u-boot on it', pi({ clientArch: 22, vendorClass: 'U-Boot.armv8', systemUuid: undefined }), false],
    ['nor UEFI on it', pi({ clientArch: 11 }), false],
    ['nor iPXE on it', pi({ userClass: 'iPXE' }), false],
  ];
  for (const [title, signs, want] of table)
    it(title, () => {
      assert.equal(isRaspberryPi(signs), want);
    });

  it('it is no PC: no architecture, no option 93, and never a PC loader, whatever the caller thought', () => {
    const asked = requesterOf({ ...pi({}), loader: 'pxe-bios', arch: 'amd64' });
    assert.deepEqual(asked, { clientArch: undefined, loader: 'rpi', arch: undefined, isUbootEfiStep: false });
  });
});

describe('the paths of a Raspberry Pi', () => {
  it('a name of its own, in the folder of its serial number or MAC, or in none', () => {
    assert.deepEqual(parseBootPath('config.txt'), { is: 'rpi', name: 'config.txt' });
    assert.deepEqual(parseBootPath('B7F44626/start4.elf'), {
      is: 'folder',
      folder: { serial: 'b7f44626' },
      path: { is: 'rpi', name: 'start4.elf' },
    });
    assert.deepEqual(parseBootPath('/dc-a6-32-01-36-c2/overlays/overlay_map.dtb'), {
      is: 'folder',
      folder: { mac: 'dc:a6:32:01:36:c2' },
      path: { is: 'rpi', name: 'overlays/overlay_map.dtb' },
    });
    assert.deepEqual(parseBootPath('b7f44626/boot/0123456789abcdef/linux'), {
      is: 'folder',
      folder: { serial: 'b7f44626' },
      path: { is: 'artefact', sha256Start: '0123456789abcdef', name: 'linux' },
    });
  });
  for (const path of [
    'b7f44626',
    'b7f4462/config.txt',
    'b7f44626/b7f44626/config.txt',
    'b7f44626/boot.ipxe',
    'recovery.elf',
    'pieeprom.sig',
    'overlays/../config.txt',
    'overlays/a/b.dtbo',
    'config.txt/x',
  ])
    it(`${path} is nothing of it`, () => {
      assert.deepEqual(parseBootPath(path), { is: 'unknown' });
    });
  it('property: a folder changes nothing of what is asked in it, and no path is found in two ways', () => {
    const part = fc.constantFrom('config.txt', 'start.elf', 'boot', '0123456789abcdef', 'linux', 'overlays', 'x.dtbo');
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const [plain, inside] = [parseBootPath(parts.join('/')), parseBootPath(`0badcafe/${parts.join('/')}`)];
        assert.equal(isRpiName(parts.join('/')), plain.is === 'rpi');
        if (inside.is === 'folder') assert.deepEqual(inside.path, plain);
        else assert.ok(plain.is === 'unknown');
      }),
    );
  });

  const own = (folder: string, systemUuid: string | undefined): boolean => {
    const read = rpiFolder(folder);
    assert.ok(read);
    return isOwnFolder(read, { mac: MAC_4, systemUuid });
  };
  it('the folder must be its own where option 97 tells the serial number', () => {
    assert.deepEqual([own('b7f44626', UUID_4), own('2646f4b7', UUID_4), own('b7f44627', UUID_4)], [true, true, false]);
  });
  it('older EEPROMs repeat the serial number four times', () => {
    const repeated = '2646f4b7-f4b7-2646-b7f4-4626b7f44626';
    assert.equal(own('deadbeef', UUID_3), true);
    assert.equal(own('b7f44626', repeated), true);
    assert.equal(own('deadbeef', undefined), true);
  });
  it('the MAC must be its own', () => {
    assert.deepEqual([own('dc-a6-32-01-36-c2', UUID_4), own('DC-A6-32-01-36-C3', undefined)], [true, false]);
  });
});

describe('what a Raspberry Pi boots', () => {
  const board: Board = {
    ...ubootBoard,
    name: 'bench-pi',
    loaders: [{ loader: 'rpi', formats: ['rpi'], argOctetsMax: { rpi: 1023 } }],
    dtb: { ...artefact('bcm2711-rpi-4-b.dtb', 'c3'), source: 'a test', licence: 'none' },
    firmware: [
      { name: 'start4.elf', artefact: artefact('start4.elf', 'd4'), missing: undefined },
      { name: 'fixup4.dat', artefact: undefined, missing: 'the firmware file fixup4.dat is not there; take it from X' },
    ],
    file: 'dtbs/bench-pi/board.yaml',
  };
  const request: BootRequest = {
    ...{ mac: MAC_4, clientArch: 0, vendorClass: VENDOR, userClass: undefined, systemUuid: UUID_4 },
    ...{ loader: 'rpi', arch: undefined, format: undefined },
  };
  const whole: Board = { ...board, firmware: board.firmware?.slice(0, 1), rpiConfig: ['dtparam=audio=off'] };
  const planFor = (change: Partial<BootFacts>): BootPlan =>
    planBoot({ ...facts, machine, board: whole, ...change }, request);

  it('kernel, DTB, arguments, its firmware and the lines of its board; the first file is a formality', () => {
    const plan = planFor({});
    assert.ok(plan.do === 'boot');
    assert.deepEqual([plan.loader, plan.format, plan.rpi?.config], ['rpi', 'rpi', ['dtparam=audio=off']]);
    assert.deepEqual(
      plan.rpi?.firmware.map((each) => each.name),
      ['start4.elf'],
    );
    assert.equal(firstFile(plan, request).file, 'bootcode.bin');
  });
  it('a missing firmware file refuses the boot, by name and with the place to take it from', () => {
    const plan = planFor({ board });
    assert.ok(plan.do === 'refuse');
    assert.match(
      `${plan.because}; ${plan.remedy}`,
      /fixup4\.dat is not there; take it from X; put that file beside dtbs/,
    );
    assert.equal(firstFile(plan, request).file, undefined);
  });
  it('the agent for its architecture may bring the file', () => {
    const plan = planFor({ board, agent: { ...agent, loaders: [artefact('fixup4.dat', 'e5')] } });
    assert.ok(plan.do === 'boot');
    assert.deepEqual(
      plan.rpi?.firmware.map((each) => each.sha256.slice(0, 2)),
      ['d4', 'e5'],
    );
  });
  it('a file name too long for a line of config.txt refuses the boot', () => {
    const kernel = artefact(`vmlinuz-${'x'.repeat(60)}`, 'a1');
    const plan = planFor({ bundle: { ...debian, kernel } });
    assert.ok(plan.do === 'refuse');
    assert.match(`${plan.because}; ${plan.remedy}`, /cuts lines after 78 octets.*shorter name/);
  });
  it('more arguments than its firmware takes refuse the boot; 1023 octets pass', () => {
    const base = planFor({});
    assert.ok(base.do === 'boot');
    const room = 1023 - base.args.text.length - 1;
    const extra = (octets: number): BootPlan => planFor({ machine: { ...machine, extraArgs: ['x'.repeat(octets)] } });
    assert.deepEqual([extra(room).do, extra(room + 1).do], ['boot', 'refuse']);
  });
  it("a board's own line that Farrier sets itself refuses the boot", () => {
    const plan = planFor({ board: { ...whole, rpiConfig: ['kernel=other.img'] } });
    assert.ok(plan.do === 'refuse');
    assert.match(plan.because, /rpiConfig line "kernel=other\.img": Farrier sets that itself/);
  });
  it('a Raspberry Pi whose board has no such loader is refused in words', () => {
    const plan = planFor({ board: ubootBoard });
    assert.ok(plan.do === 'refuse');
    assert.match(plan.because, /rpi asks, which board "bench-uboot" does not have/);
  });
});

describe('the lines of config.txt', () => {
  it('name what is there only', () => {
    const kernel = artefact('linux', 'a1');
    assert.deepEqual(rpiFileLines({ kernel, initrd: undefined, dtb: undefined }), [
      'kernel=boot/a1a1a1a1a1a1a1a1/linux',
    ]);
  });
  const faults: readonly (readonly [string, RegExp | undefined])[] = [
    ['dtoverlay=disable-bt', undefined],
    ['gpu_mem=16', undefined],
    ['kernel_address=0x80000', undefined],
    [' kernel=x', /sets that itself/],
    ['initramfs x followkernel', /sets that itself/],
    ['os_prefix=x/', /sets that itself/],
    ['x'.repeat(79), /longer than 78/],
    ['a\nb', /ASCII/],
    ['ü=1', /ASCII/],
    ['', /ASCII/],
  ];
  for (const [line, want] of faults)
    it(`${JSON.stringify(line.slice(0, 30))} ${want ? 'cannot stand there' : 'may stand there'}`, () => {
      if (want) assert.match(faultOfRpiLine(line) ?? '', want);
      else assert.equal(faultOfRpiLine(line), undefined);
    });
  it('firmware lies at the top, overlays in their folder', () => {
    assert.deepEqual(['start.elf', 'x.dtbo', 'overlay_map.dtb'].map(firmwarePath), [
      'start.elf',
      'overlays/x.dtbo',
      'overlays/overlay_map.dtb',
    ]);
    assert.deepEqual(firmwareOf([], []), { files: [], missing: undefined });
  });
});
