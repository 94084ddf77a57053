import { startBoardHost, type BoardHost } from '../../lab/board-host.ts';
import type { BoardKind } from '../../lab/board-kinds.ts';
import { importDemoBundles } from '../../lab/demo-bundles.ts';
import { labClock } from '../../lab/lab-clock.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import type { VirtualBoardSpec } from '../../lab/virtual/hands.ts';
import { macOf, type Mac } from '../../server/core/address.ts';
import { startFarrier, type FarrierOptions, type FarrierProcess } from './farrier-process.ts';

const PORTS = { dhcpServer: 67, dhcpClient: 68, tftp: 69 };
/** Small files: a storm is about many boards, not about many octets. */
const SIZES = { kernelOctets: 40_000, initrdOctets: 60_000, loaderOctets: 20_000 };

/** Many virtual boards behind one interface, and a daemon that has something for them to boot. */
export interface StormLab {
  readonly lan: Lan;
  readonly farrier: FarrierProcess;
  /** Makes the nth board (from 1); it is off. */
  board(nth: number, kind: BoardKind): Promise<VirtualBoard>;
  /** Any other board. */
  add(spec: VirtualBoardSpec): Promise<VirtualBoard>;
  stop(): Promise<void>;
}

/** The MAC of the nth board. */
export function stormMac(nth: number): Mac {
  return macOf(Uint8Array.of(0x52, 0x54, 0, 0xee, nth >> 8, nth & 255));
}

/** Lays a LAN of its own name on 10.`net`.0.0/22 and starts everything on it; `more` is the daemon's further setting. */
export async function startStormLab(
  bridge: string,
  net: number,
  more: Omit<FarrierOptions, 'networks'> = {},
): Promise<StormLab> {
  const prefix = `10.${String(net)}`;
  const lan = await layLan(bridge, `${prefix}.0.1/22`);
  let farrier: FarrierProcess | undefined;
  let boards: BoardHost | undefined;
  const stop = async (): Promise<void> => {
    await boards?.stop();
    await farrier?.stop();
    await lan.remove();
  };
  try {
    farrier = await startFarrier({
      ...more,
      networks: [
        {
          name: 'storm',
          interface: bridge,
          subnet: `${prefix}.0.0/22`,
          address: `${prefix}.0.1`,
          pools: [`${prefix}.1.0-${prefix}.2.255`],
        },
      ],
    });
    await importDemoBundles(farrier.api, SIZES);
    const host = await lan.addHost(`${bridge}-boards`);
    boards = await startBoardHost((command, args, options) => host.spawn(command, args, options), labClock());
    await boards.plug({ device: 'eth0', ports: PORTS, addresses: 'shared' });
    const made = boards;
    return {
      ...{ lan, farrier, stop },
      add: (spec) => made.add('eth0', spec),
      board: (nth, kind) =>
        made.add('eth0', {
          ...{ name: `b${String(nth)}`, kind, mac: stormMac(nth), paceMs: 0 },
          uuid: `57024000-0000-4000-8000-${String(nth).padStart(12, '0')}`,
          uboot: nth % 2 === 0 ? 'stock' : 'pxe',
        }),
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
