import { mkdir, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reset, type RackBoard } from './rack-board.ts';

/** Where `ipmi_sim` finds the machines behind its BMCs. */
export interface ChassisControl {
  /** The program that switches a board, for `IpmiSimOptions.powerProgram`. */
  programFor(board: RackBoard): Promise<string>;
  /** The boot device last ordered for a board over IPMI: `none` when there was none. */
  bootDevice(board: RackBoard): string;
  stop(): Promise<void>;
}

/** Beside the sources, and one folder further up from what they are built to. */
const PROGRAM = fileURLToPath(
  new URL(`${import.meta.url.endsWith('.ts') ? '' : '../'}../scripts/chassis-control.cjs`, import.meta.url),
);

/** Listens on a unix socket in `folder` for the programs that it makes there, one a board. */
export async function startChassisControl(folder: string): Promise<ChassisControl> {
  const boards = new Map<string, RackBoard>();
  const devices = new Map<string, string>();
  await mkdir(folder, { recursive: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let line = '';
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (more: string) => {
      line += more;
    });
    socket.once('end', () => {
      void answer(line, boards, devices).then((words) => socket.end(words));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(join(folder, 'rack.sock'), resolve);
  });
  return {
    programFor: async (board) => {
      const program = join(folder, board.name);
      boards.set(board.name, board);
      await symlink(PROGRAM, program);
      return program;
    },
    bootDevice: (board) => devices.get(board.name) ?? 'none',
    stop: () => closed(server),
  };
}

async function answer(
  line: string,
  boards: ReadonlyMap<string, RackBoard>,
  devices: Map<string, string>,
): Promise<string> {
  try {
    const words: unknown = JSON.parse(line);
    const [name = '', ...rest] = Array.isArray(words) ? words.map(String) : [];
    const board = boards.get(name);
    if (!board) throw new Error(`no board "${name}"`);
    return await obey(board, rest, devices);
  } catch (cause) {
    return `error: ${cause instanceof Error ? cause.message : String(cause)}\n`;
  }
}

/** `get power`, `set power 1`, `set reset 1`, `set shutdown 1`, `set boot pxe`: several may stand in one call. */
async function obey(board: RackBoard, words: readonly string[], devices: Map<string, string>): Promise<string> {
  const [verb, ...rest] = words;
  if (verb === 'get') return rest.map((what) => `${what}:${get(board, what, devices)}\n`).join('');
  for (let at = 0; at + 1 < rest.length; at += 2) await set(board, rest[at] ?? '', rest[at + 1] ?? '', devices);
  return '';
}

function get(board: RackBoard, what: string, devices: ReadonlyMap<string, string>): string {
  if (what === 'power') return board.isOn() ? '1' : '0';
  return what === 'boot' ? (devices.get(board.name) ?? 'none') : '0';
}

async function set(board: RackBoard, what: string, value: string, devices: Map<string, string>): Promise<void> {
  if (what === 'boot') devices.set(board.name, value);
  if (what === 'power') await (value === '1' ? board.powerOn() : board.powerOff());
  if (what === 'shutdown') await board.powerOff();
  if (what === 'reset') await reset(board);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
