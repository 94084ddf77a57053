import { join } from 'node:path';
import { startChassisControl } from './chassis-control.ts';
import { startIpmiSim } from './ipmi-sim.ts';
import { startQemuLine } from './qemu-line.ts';
import { CONSOLE_SERVER } from './rack-plan.ts';
import { startSerialPort } from './serial-port.ts';
import type { Lan } from './netns.ts';
import type { QemuKind, UefiBoot } from './qemu/machine-args.ts';
import type { SavedBoot } from './qemu/uboot-environment.ts';
import { qemuBoard, type QemuBoard } from './qemu-board.ts';
import type { Mac } from '../server/core/address.ts';
import type { Rack, RackSlot } from './rack.ts';

/** One machine of a QEMU rack. */
export interface QemuSlotOrder {
  readonly kind: QemuKind;
  /** Also the name of its tap: at most 15 letters. */
  readonly name: string;
  readonly mac: Mac;
  readonly uuid: string;
  readonly uboot?: SavedBoot | 'stock';
  readonly uefi?: UefiBoot;
  readonly acpi?: boolean;
  /** Where its BMC listens. */
  readonly bmc: { readonly address: string; readonly port: number; readonly password: string };
}

const BMC_USER = 'farrier';

/**
 * QEMU machines on a LAN, each switched only by the BMC (OpenIPMI's ipmi_sim) of its own, and each with its serial line
 * on a port of a console server.
 */
export async function buildQemuRack(
  lan: Lan,
  folder: string,
  orders: readonly QemuSlotOrder[],
): Promise<Rack<QemuBoard>> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const control = await startChassisControl(join(folder, 'chassis'));
    closers.push(() => control.stop());
    const slots: RackSlot<QemuBoard>[] = [];
    for (const order of orders) {
      await lan.addTap(order.name);
      const line = join(folder, `${order.name}.line`);
      const serial = await startQemuLine(line);
      closers.push(() => serial.stop());
      const console = await startSerialPort(serial, CONSOLE_SERVER);
      closers.push(() => console.stop());
      const board = await qemuBoard({ ...order, tap: order.name, folder, line });
      closers.push(() => board.powerOff());
      const { address, port, password } = order.bmc;
      const powerProgram = await control.programFor(board);
      const bmc = await startIpmiSim({ address, port, user: BMC_USER, password, powerProgram, folder });
      closers.push(() => bmc.stop());
      const parameters = { host: address, port, user: BMC_USER };
      slots.push({
        board,
        power: { driver: 'ipmi', parameters, secrets: { password } },
        console: { transport: 'tcp', parameters: { host: console.address, port: console.port } },
      });
    }
    return { slots, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
