import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../server/ports/clock.ts';
import type { DemoPlace } from './demo-place.ts';
import { QEMU_KINDS, type QemuKind } from './qemu/machine-args.ts';
import type { QemuBoard } from './qemu-board.ts';
import { buildQemuRack } from './qemu-rack.ts';
import type { Rack } from './rack.ts';
import { bmcAddress, boardMac, boardUuid } from './rack-plan.ts';
import { memberOf, type SocketApi } from './socket-api.ts';

/** The kind of the nth QEMU board (from 1): all of them by turns. */
export function qemuKind(nth: number): QemuKind {
  return QEMU_KINDS[(nth - 1) % QEMU_KINDS.length] ?? 'bios-ipxe';
}

/** What each kind of machine runs. */
export const QEMU_ARCHS = {
  'uboot-arm64': 'arm64',
  'uboot-armhf': 'armhf',
  'uefi-x64': 'amd64',
  'uefi-arm64': 'arm64',
  'bios-ipxe': 'amd64',
} as const satisfies Record<QemuKind, string>;

/** The kinds that get a device tree, with the catalogue's board of the kind and its option 93. */
const WITH_TREE: readonly { readonly kind: QemuKind; readonly board: string; readonly clientArch: number }[] = [
  { kind: 'uboot-arm64', board: 'qemu-virt-arm64-uboot', clientArch: 22 },
  { kind: 'uboot-armhf', board: 'qemu-virt-armhf-uboot', clientArch: 21 },
  { kind: 'uefi-arm64', board: 'qemu-virt-arm64-uefi', clientArch: 11 },
];

/** The next board is switched on when this one has told its facts, or after this; one at a time fits two cores. */
const TURN_MS = 150_000;
const LOOK_EVERY_MS = 1000;

/**
 * QEMU machines on the demo's LAN, each behind a BMC of its own, and their boards with a device tree each in
 * `boardFolder`. Throws where there is no LAN to plug them into.
 */
export async function layQemuRack(
  order: { readonly boards: number; readonly folder: string },
  { lan, place }: DemoPlace,
  boardFolder: string,
  secret: () => string,
): Promise<Rack<QemuBoard>> {
  if (!lan) throw new Error('QEMU boards want a network of their own');
  const numbers = Array.from({ length: order.boards }, (_, index) => index + 1);
  const rack = await buildQemuRack(
    lan,
    order.folder,
    numbers.map((nth) => ({
      ...{ kind: qemuKind(nth), name: `slot-${String(nth)}`, mac: boardMac(nth), uuid: boardUuid(nth), acpi: false },
      // One as boards with a distribution's settings boot, the other as Debian's own environment does.
      uboot: qemuKind(nth) === 'uboot-armhf' ? 'script' : 'pxe',
      bmc: { address: bmcAddress(place.controllers24, nth), port: place.bmcPort, password: secret() },
    })),
  );
  try {
    for (const { kind, ...words } of WITH_TREE) {
      const board = rack.slots.find((slot) => slot.board.kind === kind)?.board;
      if (board) await writeBoard(join(boardFolder, `demo-${kind}`), board, words);
    }
    return rack;
  } catch (cause) {
    await rack.stop();
    throw cause;
  }
}

async function writeBoard(
  folder: string,
  board: QemuBoard,
  words: { readonly board: string; readonly clientArch: number },
): Promise<void> {
  const text = {
    title: `The rack in a box: ${board.kind} in QEMU`,
    extends: words.board,
    signs: { clientArch: [words.clientArch], oui: ['52:54:00'] },
    dtb: { file: 'demo.dtb', source: 'dumped from QEMU with the flags of this board', licence: 'GPL-2.0-only' },
    sources: ['the rack in a box'],
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'demo.dtb'), await board.dtb(`Demo ${board.kind}`));
  await writeFile(join(folder, 'board.yaml'), JSON.stringify(text, undefined, 2));
}

/** Presses one power button after another; the answer ends it. */
export function switchOnInTurn(rack: Rack, api: SocketApi, clock: Clock): () => Promise<void> {
  let cancel = (): void => undefined;
  let last: Promise<void> = Promise.resolve();
  const waitFor = (nth: number, untilMs: number): void => {
    cancel = clock.after(LOOK_EVERY_MS, () => {
      last = api
        .call('GET', `/api/v1/machines/${rack.slots[nth]?.board.mac ?? ''}`)
        .then((known) => {
          if (memberOf(known.body, 'facts') !== undefined || clock.monotonicMs() > untilMs) turn(nth + 1);
          else waitFor(nth, untilMs);
        })
        .catch(() => undefined);
    });
  };
  const turn = (nth: number): void => {
    const slot = rack.slots[nth];
    if (!slot) return;
    waitFor(nth, clock.monotonicMs() + TURN_MS);
    void slot.board.powerOn();
  };
  turn(0);
  return async () => {
    cancel();
    await last;
    cancel();
  };
}
