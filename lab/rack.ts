import type { Mac } from '../server/core/address.ts';
import type { Clock } from '../server/ports/clock.ts';
import type { IpmiCrypto } from '../server/wire/ipmi/crypto.ts';
import { startBoardHost } from './board-host.ts';
import { createLogSerial, type LogSerial } from './log-serial.ts';
import { reset, type RackBoard } from './rack-board.ts';
import { CONSOLE_SERVER, type BoardSpawn, type PowerOf, type RackPlan } from './rack-plan.ts';
import { startSerialPort, type SerialPort } from './serial-port.ts';
import { startVirtualBmc } from './virtual-bmc.ts';
import type { VirtualBoard } from './virtual-board.ts';
import { startVirtualPdu, type PduOutlet } from './virtual-pdu.ts';

/** How Farrier is told to switch a board, in the words of its API. */
export interface PowerWords {
  readonly driver: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** How Farrier is told to reach a board's serial line, in the words of its API. */
export interface ConsoleWords {
  readonly transport: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

/** A board in its place. */
export interface RackSlot<Board extends RackBoard = RackBoard> {
  readonly board: Board;
  /** Nothing: only by hand. */
  readonly power: PowerWords | undefined;
  /** Nothing: nobody listens to its line. */
  readonly console?: ConsoleWords | undefined;
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
  const wires = await startWires(plan, boards, edges, closers);
  return {
    slots: [...boards].map(([mac, board]) => ({ board, power: undefined, ...wires.get(mac) })),
    stop: async () => {
      for (const close of closers.reverse()) await close();
    },
  };
}

/** What leads to a board besides its network. */
type Wires = Pick<RackSlot, 'power' | 'console'>;

async function startWires(
  plan: RackPlan,
  boards: ReadonlyMap<Mac, VirtualBoard>,
  edges: RackEdges,
  closers: (() => Promise<void>)[],
): Promise<ReadonlyMap<Mac, Wires>> {
  const wires = new Map<Mac, Wires>();
  const outlets: PduOutlet[] = [];
  for (const { spec, power } of plan.boards) {
    const board = boards.get(spec.mac);
    if (board) wires.set(spec.mac, await wire(plan, board, power, outlets, edges, closers));
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
  return wires;
}

/** A BMC has the board's line itself; the others' lines go to a console server. */
async function wire(
  plan: RackPlan,
  board: VirtualBoard,
  power: PowerOf,
  outlets: PduOutlet[],
  { clock, crypto }: RackEdges,
  closers: (() => Promise<void>)[],
): Promise<Wires> {
  const serial = createLogSerial(() => board.report().log, clock);
  closers.push(() => {
    serial.stop();
    return Promise.resolve();
  });
  if (power.by === 'bmc') {
    const { address, port, password } = power;
    const login = { address, port, user: BMC_USER, password };
    const bmc = await startVirtualBmc({ ...login, power: switchOf(board), serial, crypto, clock });
    closers.push(() => bmc.stop());
    return {
      power: { driver: 'ipmi', parameters: { host: address, port, user: BMC_USER }, secrets: { password } },
      console: { transport: 'power-driver', parameters: {} },
    };
  }
  const { address: host, port } = await startPort(serial, closers);
  const console = { transport: 'tcp', parameters: { host, port } };
  if (power.by === 'hand') return { power: undefined, console };
  outlets.push(switchOf(board));
  const parameters = { host: plan.pdu.address, port: plan.pdu.port, outlet: outlets.length };
  return { power: { driver: PDU_DRIVER, parameters, secrets: { password: plan.pdu.password } }, console };
}

async function startPort(serial: LogSerial, closers: (() => Promise<void>)[]): Promise<SerialPort> {
  const port = await startSerialPort(serial, CONSOLE_SERVER);
  closers.push(() => port.stop());
  return port;
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
