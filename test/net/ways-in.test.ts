import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BootRequest } from '../../server/core/boot-plan.ts';
import { firstFile } from '../../server/core/loader-file.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { recognise } from '../../server/core/recognise.ts';
import { openBoards } from '../../server/files/board-catalogue.ts';
import { bootAskOf } from '../../server/net/dhcp-boot.ts';
import { decodeMessage, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { agent, facts, machine } from '../core/boot-fixtures.ts';

const boards = openBoards([fileURLToPath(new URL('../../dtbs', import.meta.url))]).list();

/** A DHCP message as firmware sent it (QEMU 7.2 with Debian's firmware). */
function captured(name: string): DhcpMessage {
  const hex = readFileSync(new URL(`../golden/dhcp/${name}-discover.hex`, import.meta.url), 'utf8');
  const message = decodeMessage(Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex')));
  assert.ok(message.ok);
  return message.value;
}

/** The same message with other options 93, 60, 77 and 175; `undefined` takes one out. */
function saying(name: string, options: Readonly<Partial<Record<number, string | Uint8Array>>>): DhcpMessage {
  const message = captured(name);
  const all = new Map(message.options);
  for (const [code, value] of Object.entries(options)) {
    if (value === undefined) all.delete(Number(code));
    else all.set(Number(code), typeof value === 'string' ? new TextEncoder().encode(value) : value);
  }
  return { ...message, options: all };
}

/** What a stranger who sends this is told to fetch first, by the shipped boards. */
function toldFirst(message: DhcpMessage): string | undefined {
  const { request } = bootAskOf(message);
  const seen = recognise(boards, { ...request, facts: undefined });
  const board = boards.find((each) => each.name === seen?.board);
  return firstFile(planBoot({ ...facts, board, ...strangerOf(request, board?.arch) }, request), request).file;
}

function strangerOf(request: BootRequest, arch = request.arch): Pick<typeof facts, 'machine' | 'agent'> {
  const stranger = { ...machine, state: 'new', macs: [request.mac], board: undefined, bundle: undefined } as const;
  return { machine: stranger, agent: arch && { ...agent, arch } };
}

const arch = (code: number): Uint8Array => Uint8Array.of(code >> 8, code & 255);
const http = (name: string): string => `http://10.77.0.1:5240/boot/${name}`;
const asIpxe = { [OPT.userClass]: 'iPXE' };

describe('G17 the first file by options 93, 60 and 77 alone', () => {
  const asSent: readonly (readonly [string, string])[] = [
    ['ipxe-bios', 'boot.ipxe'],
    ['ipxe-uefi-arm64', 'boot.ipxe'],
    ['uefi-x64-pxe', 'shimx64.efi'],
    ['uefi-arm64-pxe', 'shimaa64.efi'],
    ['uefi-x64-http', http('ipxe-amd64.efi')],
    ['uefi-arm64-http', http('ipxe-arm64.efi')],
    ['uboot-arm64', 'boot.scr.uimg'],
    ['uboot-armhf', 'boot.scr.uimg'],
    ['uboot-arm64-stock', 'boot.scr.uimg'],
    ['uboot-2025-arm64', 'boot.scr.uimg'],
    ['uboot-arm64-efi-step', 'grubaa64.efi'],
  ];
  for (const [name, file] of asSent)
    it(`F4 F5 F8 captured ${name}: ${file}`, () => {
      assert.equal(toldFirst(captured(name)), file);
    });

  const made: readonly (readonly [string, DhcpMessage, string | undefined])[] = [
    [
      'a BIOS ROM that is not iPXE',
      saying('ipxe-bios', { [OPT.userClass]: undefined, 175: undefined }),
      'undionly.kpxe',
    ],
    ['gPXE', saying('ipxe-bios', { [OPT.userClass]: 'gPXE' }), 'undionly.kpxe'],
    ['iPXE on a BIOS without a user class', saying('ipxe-bios', { [OPT.userClass]: undefined }), 'boot.ipxe'],
    ['iPXE on a BIOS, counted user class', saying('ipxe-bios', { [OPT.userClass]: '\u0004iPXE' }), 'boot.ipxe'],
    ['iPXE on UEFI x64', saying('uefi-x64-pxe', asIpxe), 'boot.ipxe'],
    ['iPXE on UEFI x64 by its other number', saying('uefi-x64-pxe', { ...asIpxe, 93: arch(9) }), 'boot.ipxe'],
    ['iPXE that says it came by HTTP', saying('uefi-x64-http', asIpxe), 'boot.ipxe'],
    ['iPXE on arm64 that says it came by HTTP', saying('uefi-arm64-http', asIpxe), 'boot.ipxe'],
    ['iPXE without a UUID on arm64', saying('ipxe-uefi-arm64', { [OPT.clientUuid]: undefined }), 'boot.ipxe'],
    ['UEFI x64, 9', saying('uefi-x64-pxe', { 93: arch(9) }), 'shimx64.efi'],
    ['two numbers, the first unknown', saying('uefi-x64-pxe', { 93: Uint8Array.of(99, 0, 0, 7) }), 'shimx64.efi'],
    ['no option 93, and no board', saying('uefi-x64-pxe', { 93: undefined }), undefined],
    ['a number nobody knows', saying('uefi-x64-pxe', { 93: arch(4711) }), undefined],
  ];
  for (const [title, message, file] of made)
    it(`${title}: ${file ?? 'no file'}`, () => {
      assert.equal(toldFirst(message), file);
    });
});
