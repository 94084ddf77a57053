import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mac } from '../server/core/address.ts';
import { endChild, ended } from './child-process.ts';
import { markedDtb } from './qemu/marked-dtb.ts';
import { qemuCommand, varsTemplate, type QemuKind, type QemuMachine, type UefiBoot } from './qemu/machine-args.ts';
import { FLASH_OCTETS, savedEnvironment, type SavedBoot } from './qemu/uboot-environment.ts';
import type { RackBoard } from './rack-board.ts';

/** What a QEMU board is made from. */
export interface QemuBoardOrder {
  readonly name: string;
  readonly kind: QemuKind;
  readonly mac: Mac;
  readonly uuid: string;
  /** A tap on the LAN's bridge that exists already. */
  readonly tap: string;
  /** Its flash, serial log and device tree live there. */
  readonly folder: string;
  /** How a u-boot board boots; `stock` is Debian's built-in environment. No meaning for the others. */
  readonly uboot?: SavedBoot | 'stock';
  /** How a UEFI board boots; `pxe` unless said. */
  readonly uefi?: UefiBoot;
  /** The UNIX socket its serial line leads to; somebody must listen there whenever it is switched on. */
  readonly line?: string;
  /** Default true; false lets a device tree through to Linux on arm64 UEFI. */
  readonly acpi?: boolean;
}

/** A machine in QEMU with real firmware. It is off until it is switched on, and off again when QEMU ends. */
export interface QemuBoard extends RackBoard {
  /** All that came over the serial line since power-on. */
  serial(): Promise<string>;
  /** Its own device tree with another model in it; see `markedDtb`. */
  dtb(model: string): Promise<Uint8Array>;
}

/** Makes the flash of a board and the means to switch it. */
export async function qemuBoard(order: QemuBoardOrder): Promise<QemuBoard> {
  const serialLog = join(order.folder, `${order.name}.serial.log`);
  const flash = await makeFlash(order);
  const { kind, mac, uuid, tap, uefi, line: serialSocket, acpi = true } = order;
  const lines = { serialLog, serialSocket };
  const machine: QemuMachine = { kind, mac, uuid, tap, flash, ...lines, acpi, uefi, dumpDtb: undefined };
  let running: ChildProcess | undefined;
  const powerOn = async (): Promise<void> => {
    if (running) return;
    await writeFile(serialLog, '');
    const child = start(machine, join(order.folder, `${order.name}.qemu.log`));
    running = child;
    const spawned = once(child, 'spawn');
    void ended(child).then(() => {
      if (running === child) running = undefined;
    });
    await spawned;
  };
  const powerOff = async (): Promise<void> => {
    if (running) await endChild(running);
  };
  return {
    ...{ name: order.name, kind, mac, powerOn, powerOff },
    isOn: () => running !== undefined,
    serial: () => readFile(serialLog, 'latin1'),
    dtb: (model) => markedDtb(machine, model, order.folder),
  };
}

function start(machine: QemuMachine, complaints: string): ChildProcess {
  const { command, args } = qemuCommand(machine);
  const child = spawn(command, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  child.stderr.on('data', (octets: Buffer) => said.push(octets));
  child.once('exit', (code) => {
    if (code !== null && code !== 0) void writeFile(complaints, Buffer.concat(said));
  });
  return child;
}

async function makeFlash(order: QemuBoardOrder): Promise<string | undefined> {
  const file = join(order.folder, `${order.name}.flash.fd`);
  const template = varsTemplate(order.kind, order.uefi ?? 'pxe');
  if (template !== undefined) {
    await copyFile(template, file);
    return file;
  }
  const { uboot = 'stock' } = order;
  if (!order.kind.startsWith('uboot') || uboot === 'stock') return undefined;
  await writeFile(file, savedEnvironment(uboot));
  await truncate(file, FLASH_OCTETS);
  return file;
}
