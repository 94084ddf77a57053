import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { macOf } from '../server/core/address.ts';
import { BOARD_KINDS } from './board-kinds.ts';
import type { VirtualBoardSpec } from './virtual/hands.ts';
import type { SocketNetOrder } from './virtual/socket-net.ts';

/** Starts a program where the boards are to live. */
export type BoardSpawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** Who switches a board. */
export type PowerOf =
  | { readonly by: 'hand' }
  | { readonly by: 'pdu' }
  | { readonly by: 'bmc'; readonly address: string; readonly port: number; readonly password: string };

/** A rack of virtual boards before it is built. */
export interface RackPlan {
  readonly nets: readonly SocketNetOrder[];
  readonly boards: readonly { readonly spec: VirtualBoardSpec; readonly device: string; readonly power: PowerOf }[];
  /** Its outlets are given out in the order of the boards that hang on it. */
  readonly pdu: { readonly address: string; readonly port: number; readonly password: string };
}

/** Where a demo's rack stands: in its own namespace on the real ports, or on loopback on high ones. */
export interface RackPlace {
  /** One device a board in the namespace; `lo` for all on loopback. */
  readonly deviceOf: (nth: number) => string;
  readonly addresses: SocketNetOrder['addresses'];
  readonly ports: SocketNetOrder['ports'];
  /** First three numbers of the network the BMCs and the PDU are on: `10.78.0`. */
  readonly controllers24: string;
  readonly bmcPort: number;
}

/** Boards with a BMC of their own; the others hang on the PDU. */
const BMC_BOARDS = 2;
const PDU_PORT = 2323;
/** Only the daemon beside it reaches the boards' serial lines. */
export const CONSOLE_SERVER = '127.0.0.1';
/** The PDU's address within its /24, and where the BMCs' begin. */
const [PDU_HOST, BMC_HOSTS_FROM] = [20, 11];

/** The MAC of the nth board (from 1): QEMU's prefix, as most pretended machines have it. */
export function boardMac(nth: number): VirtualBoardSpec['mac'] {
  return macOf(Uint8Array.of(0x52, 0x54, 0, 0x77, nth >> 8, nth & 255));
}

/** The system UUID of the nth board (from 1). */
export function boardUuid(nth: number): string {
  return `fa221e20-0000-4000-8000-${String(nth).padStart(12, '0')}`;
}

/** `boards` boards of all kinds by turns. `secret` makes the passwords of this run. */
export function planRack(boards: number, place: RackPlace, paceMs: number, secret: () => string): RackPlan {
  const password = secret();
  const numbers = Array.from({ length: boards }, (_, index) => index + 1);
  const devices = [...new Set(numbers.map(place.deviceOf))];
  const { addresses, ports, controllers24 } = place;
  return {
    nets: devices.map((device) => ({ device, addresses, ports })),
    boards: numbers.map((nth) => ({
      spec: specOf(nth, paceMs),
      device: place.deviceOf(nth),
      power:
        nth > BMC_BOARDS
          ? { by: 'pdu' }
          : { by: 'bmc', address: bmcAddress(controllers24, nth), port: place.bmcPort, password: secret() },
    })),
    pdu: { address: `${controllers24}.${String(PDU_HOST)}`, port: PDU_PORT, password },
  };
}

/** All addresses of a rack's BMCs and its PDU; two boards have a BMC unless said. */
export function controllerAddresses(
  place: Pick<RackPlace, 'controllers24'>,
  bmcBoards = BMC_BOARDS,
): readonly string[] {
  const bmcs = Array.from({ length: bmcBoards }, (_, index) => bmcAddress(place.controllers24, index + 1));
  return [...bmcs, `${place.controllers24}.${String(PDU_HOST)}`];
}

/** Where the nth board's BMC is (from 1). */
export function bmcAddress(controllers24: string, nth: number): string {
  return `${controllers24}.${String(BMC_HOSTS_FROM + nth - 1)}`;
}

function specOf(nth: number, paceMs: number): VirtualBoardSpec {
  const kind = BOARD_KINDS[(nth - 1) % BOARD_KINDS.length] ?? 'bios-ipxe';
  return {
    name: `slot-${String(nth)}`,
    kind,
    mac: boardMac(nth),
    uuid: boardUuid(nth),
    uboot: kind === 'uboot-armhf' ? 'stock' : 'pxe',
    paceMs,
  };
}
