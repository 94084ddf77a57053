import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { draftBoard, type DraftSource } from '../../server/core/board-draft.ts';
import { openBoards } from '../../server/files/board-catalogue.ts';
import { readBoardText, type BoardRow } from '../../server/files/board-file.ts';
import { lintBoards } from '../../server/files/lint-boards.ts';
import { mac, sampleFacts, sampleMachine } from '../support/samples.ts';

const SHIPPED = fileURLToPath(new URL('../../dtbs', import.meta.url));
const boards = openBoards([SHIPPED]).list();

const uboot: DraftSource = {
  machine: sampleMachine(1, {
    name: 'north-1',
    macs: [mac('00:01:73:00:00:01')],
    systemUuid: undefined,
    firmware: { clientArch: 22, vendorClass: 'U-Boot.armv8', userClass: undefined },
    facts: {
      ...sampleFacts,
      vendor: undefined,
      product: undefined,
      dtModel: 'ACME Bench One',
      dtCompatible: ['acme,bench-one', 'acme,soc'],
      cmdline: 'quiet console=tty0 console=ttyS2,1500000n8 root=/dev/x',
    },
  }),
  boot: { id: 'b-7', startedMs: Date.UTC(2026, 10, 20) },
};

function rowOf(source: DraftSource): BoardRow {
  const text = draftBoard(source, boards);
  assert.ok(text.ok, text.ok ? '' : text.error);
  const read = readBoardText('x/board.yaml', text.value);
  assert.ok(read.ok, JSON.stringify(read.ok || read.error));
  return read.value.row;
}

describe('a board begun from a machine', () => {
  it('builds on the nearest generic board, with the signs, the tree and the console that were seen', () => {
    assert.deepEqual(rowOf(uboot), {
      title: 'ACME Bench One',
      extends: 'generic-arm64-uboot',
      compatible: ['acme,bench-one'],
      signs: { clientArch: [22], vendorClass: ['U-Boot.armv8'], oui: ['00:01:73'], dtCompatible: ['acme,bench-one'] },
      console: { device: 'ttyS2', baud: 1_500_000 },
      proof: 'untested',
      sources: [
        'option 93 = 22, option 60 = U-Boot.armv8, MAC 00:01:73:00:00:01: sent by machine north-1 (boot b-7 of 2026-11-20)',
        'compatible, SMBIOS names and console: what the agent saw on machine north-1 (boot b-7 of 2026-11-20)',
      ],
    });
  });

  it('says what to look at next', () => {
    const text = draftBoard(uboot, boards);
    assert.ok(text.ok);
    assert.match(text.value, /^# - argOctetsMax: measure/m);
    const blind = draftBoard({ ...uboot, machine: { ...uboot.machine, facts: undefined } }, boards);
    assert.ok(blind.ok && /^# - compatible, SMBIOS names: boot the agent once/m.test(blind.value));
  });

  it("u-boot's EFI step is u-boot, and a PXE client's option 60 is no sign", () => {
    const firmware = { clientArch: 11, vendorClass: 'PXEClient:Arch:00011:UNDI:003000', userClass: undefined };
    const row = rowOf({ ...uboot, machine: { ...uboot.machine, firmware, facts: undefined } });
    assert.deepEqual(
      [row.extends, row.signs?.clientArch, row.signs?.vendorClass],
      ['generic-arm64-uboot', [22], undefined],
    );
  });

  it('a server is known by its SMBIOS names, and a made-up MAC names no maker', () => {
    const firmware = { clientArch: 7, vendorClass: undefined, userClass: undefined };
    const facts = { ...sampleFacts, vendor: 'ACME "Inc"', product: 'R7: #1', dtModel: undefined, dtCompatible: [] };
    const macs = [mac('52:54:00:00:00:01')];
    const row = rowOf({ machine: { ...uboot.machine, firmware, facts, macs, systemUuid: 'u' }, boot: undefined });
    assert.deepEqual(row.signs, { clientArch: [7], smbiosVendor: ['ACME "Inc"'], smbiosProduct: ['R7: #1'] });
    assert.deepEqual([row.extends, row.title], ['generic-x64-uefi', 'ACME "Inc" R7: #1']);
    assert.match(row.sources?.[0] ?? '', /no boot record is left/);
  });

  it('an architecture with one generic board is enough when the firmware said nothing', () => {
    const machine = { ...uboot.machine, firmware: undefined, facts: undefined, arch: 'riscv64' as const };
    assert.equal(rowOf({ ...uboot, machine }).extends, 'generic-riscv64-uboot');
  });

  it('a machine that has said nothing is asked to boot first', () => {
    const machine = { ...uboot.machine, firmware: undefined, facts: undefined, arch: undefined };
    const none = draftBoard({ ...uboot, machine }, boards);
    assert.ok(!none.ok && /north-1 has not said what it is yet; let it boot/.test(none.error));
  });

  it('passes the linter without an error', () => {
    const site = mkdtempSync(join(tmpdir(), 'farrier-draft-'));
    const text = draftBoard(uboot, boards);
    assert.ok(text.ok);
    mkdirSync(join(site, 'acme'));
    writeFileSync(join(site, 'acme', 'board.yaml'), text.value);
    const found = lintBoards([SHIPPED, site]).filter((each) => each.file.startsWith(site));
    rmSync(site, { recursive: true });
    assert.deepEqual(found, []);
  });

  it('property: whatever a machine calls itself stays a value', () => {
    const hostile = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(hostile, hostile, hostile, (model, compatible, vendorClass) => {
        const facts = { ...sampleFacts, dtModel: model, dtCompatible: [compatible] };
        const firmware = { clientArch: 22, vendorClass, userClass: undefined };
        const row = rowOf({ ...uboot, machine: { ...uboot.machine, facts, firmware } });
        assert.equal(row.extends, 'generic-arm64-uboot');
        assert.equal(row.compatible?.length, 1);
        assert.equal(row.proof, 'untested');
      }),
      { numRuns: 40 },
    );
  });
});
