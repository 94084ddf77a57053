import type { Mac } from '../server/core/address.ts';
import type { Clock } from '../server/ports/clock.ts';
import type { IpmiCrypto } from '../server/wire/ipmi/crypto.ts';
import { startBoardHost } from './board-host.ts';
import { createLogSerial } from './log-serial.ts';
import { reset, type RackBoard } from './rack-board.ts';
import type { BoardSpawn, PowerOf, RackPlan } from './rack-plan.ts';
import { startVirtualBmc } from './virtual-bmc.ts';
import type { VirtualBoard } from './virtual-board.ts';
import { startVirtualPdu, type PduOutlet } from './virtual-pdu.ts';

/** How Farrier is told to switch a board, in the words of its API. */
export interface PowerWords {
  readonly driver: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** A board in its place. */
export interface RackSlot<Board extends RackBoard = RackBoard> {
  readonly board: Board;
  /** Nothing: only by hand. */
  readonly power: PowerWords | undefined;
}

/** Boards with their power, ready to be switched on. */
export interface Rack<Board extends RackBoard = RackBoard> {
  readonly slots: readonly RackSlot<Board>[];
  stop(): Promise<void>;
}

/** What a rack needs of the world. */
export interface RackEdges {
  readonly clock: Clock;
  readonly crypto: IpmiCrypto;
  readonly spawn: BoardSpawn;
}

const BMC_USER = 'farrier';
/** The example program of `power-drivers/examples`, which speaks to the virtual PDU. */
export const PDU_DRIVER = 'line-pdu';
/** A relay takes this long, so that a power cycle can be watched. */
const PDU_SWITCH_MS = 300;

/** Virtual boards as planned, with virtual BMCs and one virtual PDU as their power. */
export async function buildVirtualRack(plan: RackPlan, edges: RackEdges): Promise<Rack<VirtualBoard>> {
  const closers: (() => Promise<void>)[] = [];
  const host = await startBoardHost(edges.spawn, edges.clock);
  closers.push(() => host.stop());
  for (const net of plan.nets) await host.plug(net);
  const boards = new Map<Mac, VirtualBoard>();
  for (const { device, spec } of plan.boards) boards.set(spec.mac, await host.add(device, spec));
  const power = await startPower(plan, boards, edges, closers);
  return {
    slots: [...boards].map(([mac, board]) => ({ board, power: power.get(mac) })),
    stop: async () => {
      for (const close of closers.reverse()) await close();
    },
  };
}

async function startPower(
  plan: RackPlan,
  boards: ReadonlyMap<Mac, VirtualBoard>,
  edges: RackEdges,
  closers: (() => Promise<void>)[],
): Promise<ReadonlyMap<Mac, PowerWords>> {
  const words = new Map<Mac, PowerWords>();
  const outlets: PduOutlet[] = [];
  for (const { spec, power } of plan.boards) {
    const board = boards.get(spec.mac);
    if (!board) continue;
    const given = await wire(plan, board, power, outlets, edges, closers);
    if (given) words.set(spec.mac, given);
  }
  if (outlets.length > 0) {
    const { address, port, password } = plan.pdu;
    const pdu = await startVirtualPdu({
      address,
      port,
      password,
      outlets,
      switchMs: PDU_SWITCH_MS,
      clock: edges.clock,
    });
    closers.push(() => pdu.stop());
  }
  return words;
}

async function wire(
  plan: RackPlan,
  board: VirtualBoard,
  power: PowerOf,
  outlets: PduOutlet[],
  { clock, crypto }: RackEdges,
  closers: (() => Promise<void>)[],
): Promise<PowerWords | undefined> {
  switch (power.by) {
    case 'hand':
      return undefined;
    case 'pdu': {
      const { address, port, password } = plan.pdu;
      outlets.push(switchOf(board));
      return { driver: PDU_DRIVER, parameters: { host: address, port, outlet: outlets.length }, secrets: { password } };
    }
    case 'bmc': {
      const { address, port, password } = power;
      const serial = createLogSerial(() => board.report().log, clock);
      const bmc = await startVirtualBmc({
        address,
        port,
        user: BMC_USER,
        password,
        power: switchOf(board),
        serial,
        crypto,
        clock,
      });
      closers.push(() => {
        serial.stop();
        return bmc.stop();
      });
      return { driver: 'ipmi', parameters: { host: address, port, user: BMC_USER }, secrets: { password } };
    }
  }
}

/** A board as BMCs and PDUs see it: orders are taken at once and carried out in their order. */
function switchOf(board: RackBoard): PduOutlet & { reset(): void } {
  return {
    isOn: () => board.isOn(),
    turn: (on) => {
      void (on ? board.powerOn() : board.powerOff());
    },
    reset: () => {
      void reset(board);
    },
  };
}
