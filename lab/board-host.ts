import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../server/ports/clock.ts';
import { ended, endChild } from './child-process.ts';
import type { VirtualBoard } from './virtual-board.ts';
import { BoardRecord } from './virtual/board-record.ts';
import type { VirtualBoardSpec } from './virtual/hands.ts';
import { isHostNews, type HostNews, type HostOrder } from './virtual/host-talk.ts';
import { ownProgram } from './own-program.ts';
import type { SocketNetOrder } from './virtual/socket-net.ts';

/** Virtual boards in a process of their own, which may live in another network namespace. */
export interface BoardHost {
  /** Opens a device of that namespace for boards. */
  plug(net: SocketNetOrder): Promise<void>;
  /** A board on a device that was plugged. Its `reaches` and `report` work as if it were here. */
  add(device: string, spec: VirtualBoardSpec): Promise<VirtualBoard>;
  stop(): Promise<void>;
}

/** Omit over each arm of a union. */
type WithoutTicket<Order> = Order extends unknown ? Omit<Order, 'ticket'> : never;

/** Starts the process; `spawn` says where (`LabHost.spawn`, or `child_process.spawn` for this namespace). */
export async function startBoardHost(
  spawn: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess,
  clock: Clock,
): Promise<BoardHost> {
  const { command, args } = ownProgram(import.meta.url, './board-host-main');
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
  const records = new Map<string, BoardRecord>();
  const tickets = new Map<number, { readonly resolve: () => void; readonly reject: (cause: Error) => void }>();
  let lastTicket = 0;
  const order = (what: WithoutTicket<HostOrder>): Promise<void> =>
    new Promise((resolve, reject) => {
      lastTicket += 1;
      tickets.set(lastTicket, { resolve, reject });
      child.send({ ...what, ticket: lastTicket }, (cause) => {
        if (cause) reject(cause);
      });
    });
  const ready = Promise.race([
    once(child, 'message'),
    ended(child).then(() => Promise.reject(new Error('the process that holds the boards ended at once'))),
  ]);
  child.on('message', (message) => {
    if (isHostNews(message)) hear(message, records, tickets);
  });
  child.once('exit', () => {
    for (const { reject } of tickets.values()) reject(new Error('the process that holds the boards has ended'));
  });
  await ready;
  return {
    plug: (net) => order({ do: 'plug', net }),
    add: async (device, spec) => {
      const record = new BoardRecord(spec.name, clock);
      records.set(spec.name, record);
      await order({ do: 'add', device, spec });
      return farBoard(spec, record, (on) => order({ do: 'power', board: spec.name, on }));
    },
    stop: async () => {
      const by = (): void => {
        if (child.connected) child.disconnect();
      };
      await endChild(child, { by, clock });
    },
  };
}

function hear(
  news: HostNews,
  records: ReadonlyMap<string, BoardRecord>,
  tickets: Map<number, { readonly resolve: () => void; readonly reject: (cause: Error) => void }>,
): void {
  switch (news.is) {
    case 'ready':
      return;
    case 'done':
      tickets.get(news.ticket)?.resolve();
      tickets.delete(news.ticket);
      return;
    case 'failed':
      tickets.get(news.ticket)?.reject(new Error(news.because));
      tickets.delete(news.ticket);
      return;
    case 'log':
      records.get(news.board)?.note(news.entry);
      return;
    case 'state':
      records.get(news.board)?.become(news.state);
  }
}

function farBoard(spec: VirtualBoardSpec, record: BoardRecord, power: (on: boolean) => Promise<void>): VirtualBoard {
  let on = false;
  return {
    ...{ name: spec.name, kind: spec.kind, mac: spec.mac },
    isOn: () => on,
    powerOn: async () => {
      if (!on) record.trim();
      on = true;
      await power(true);
    },
    powerOff: async () => {
      await power(false);
      on = false;
    },
    report: () => record.report(),
    reaches: (stages, timeoutMs) => record.reaches(stages, timeoutMs),
  };
}
