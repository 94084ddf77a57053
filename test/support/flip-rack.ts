import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { labClock } from '../../lab/lab-clock.ts';
import { layLan } from '../../lab/netns.ts';
import { socketApi, type SocketApi } from '../../lab/socket-api.ts';
import { startVirtualPdu, type PduOutlet } from '../../lab/virtual-pdu.ts';
import type { Config } from '../../server/config/config.ts';
import { loadConfig } from '../../server/config/load.ts';
import type { FlipSign } from '../../server/core/flip-judge.ts';
import { startDaemon } from '../../server/daemon/daemon.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { createDriverFolder } from './driver-folder.ts';
import { createFlipBoards, ROUTER, type FlipBoard } from './flip-board.ts';
import { createQuietLog } from './quiet-log.ts';
import { createSteppedClock, type SteppedClock } from './stepped-clock.ts';

const PASSWORD = 'canary-of-the-flip-pdu';
const [BRIDGE, OURS] = ['flip0', '10.98.0.1'];

/** Boards on the outlets of a PDU, each with one sign of life, and the whole daemon that watches them by a clock of its own. */
export interface FlipRack {
  readonly api: SocketApi;
  readonly names: readonly string[];
  readonly clock: SteppedClock;
  isOn(nth: number): boolean;
  /** Called at the begin of each second of the clock. */
  eachSecond(call: () => Promise<unknown>): void;
  stop(): Promise<void>;
}

type Keep = (close: () => Promise<unknown>) => void;

/** Lays the rack: the nth machine (from 1) shows the nth sign, and the nth outlet feeds the board `wired` says. All are on. */
export async function startFlipRack(signs: readonly FlipSign[], wired: readonly number[]): Promise<FlipRack> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const keep: Keep = (close) => closers.push(close);
    return { ...(await lay(signs, wired, keep)), stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

async function lay(signs: readonly FlipSign[], wired: readonly number[], keep: Keep): Promise<Omit<FlipRack, 'stop'>> {
  const lan = await layLan(BRIDGE, `${OURS}/24`);
  keep(() => lan.remove());
  const folder = await mkdtemp(join(tmpdir(), 'farrier-flip-'));
  keep(() => rm(folder, { recursive: true }));
  const api = socketApi(join(folder, 'data', 'farrier.sock'));
  const host = await lan.addHost(`${BRIDGE}-boards`, { address: `${ROUTER}/24` });
  const boards = await createFlipBoards(signs, { host, api, keep });
  const port = await startPdu(boards, wired, keep);
  let each = (): Promise<unknown> => Promise.resolve();
  const clock = createSteppedClock(async () => {
    await each();
    await Promise.all(boards.filter((board) => board.isOn()).map((board) => board.second()));
  });
  const config = await siteOf(folder, boards, keep);
  const daemon = await startDaemon({ config, log: createQuietLog(), force: false, flipClock: clock });
  keep(() => daemon.stop());
  for (const [at, board] of boards.entries()) {
    await api.must('PUT', `/api/v1/machines/${board.machine.name}/power`, {
      driver: 'line-pdu',
      parameters: { host: OURS, port, outlet: at + 1 },
      secrets: { password: PASSWORD },
    });
    await board.tell();
  }
  return {
    ...{ api, clock },
    names: boards.map(({ machine }) => machine.name),
    isOn: (nth) => boards[nth - 1]?.isOn() ?? false,
    eachSecond: (call) => {
      each = call;
    },
  };
}

async function startPdu(boards: readonly FlipBoard[], wired: readonly number[], keep: Keep): Promise<number> {
  const outlets = wired.map((nth): PduOutlet => {
    const board = boards[nth - 1];
    if (!board) throw new Error(`there is no board ${String(nth)}`);
    return {
      isOn: () => board.isOn(),
      turn: (on) => {
        board.turn(on);
      },
    };
  });
  const pdu = await startVirtualPdu({ address: OURS, port: 0, password: PASSWORD, outlets, clock: labClock() });
  keep(() => pdu.stop());
  return pdu.port;
}

/** A site with these machines in its store. */
async function siteOf(folder: string, boards: readonly FlipBoard[], keep: Keep): Promise<Config> {
  const dataDir = join(folder, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const store = await openStore({ file: join(dataDir, 'farrier.db'), clock: labClock(), log: createQuietLog() });
  for (const { machine } of boards) await store.machines.add(machine, []);
  await store.close();
  const drivers = await createDriverFolder();
  keep(() => drivers.remove());
  await drivers.drop('line-pdu', await readFile('power-drivers/examples/line-pdu', 'utf8'));
  const file = join(folder, 'farrier.yaml');
  const rack = { name: 'rack1', interface: BRIDGE, subnet: '10.98.0.0/24', address: OURS, probe: 'none' };
  const settings = {
    ...{ dataDir, http: { listen: `${OURS}:5240` }, powerDrivers: [drivers.path], power: { pollS: 0 } },
    networks: [{ ...rack, pools: ['10.98.0.100-10.98.0.199'] }],
  };
  await writeFile(file, stringify(settings), { mode: 0o600 });
  const config = loadConfig(file);
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return config.value;
}
