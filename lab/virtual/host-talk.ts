import type { BoardReport } from './board-record.ts';
import type { BoardLogEntry, VirtualBoardSpec } from './hands.ts';
import type { SocketNetOrder } from './socket-net.ts';

/** What the process that holds virtual boards is told. Each order has a ticket, named again when it is done. */
export type HostOrder = { readonly ticket: number } & (
  | { readonly do: 'plug'; readonly net: SocketNetOrder }
  | { readonly do: 'add'; readonly device: string; readonly spec: VirtualBoardSpec }
  | { readonly do: 'power'; readonly board: string; readonly on: boolean }
);

/** What it tells. */
export type HostNews =
  | { readonly is: 'ready' }
  | { readonly is: 'done'; readonly ticket: number }
  | { readonly is: 'failed'; readonly ticket: number; readonly because: string }
  | { readonly is: 'log'; readonly board: string; readonly entry: BoardLogEntry }
  | { readonly is: 'state'; readonly board: string; readonly state: Partial<Omit<BoardReport, 'log'>> };

/** Both ends are this program at one version: only the outermost shape is looked at. */
export function isHostOrder(message: unknown): message is HostOrder {
  return typeof message === 'object' && message !== null && 'do' in message && 'ticket' in message;
}

/** As `isHostOrder`, for the other direction. */
export function isHostNews(message: unknown): message is HostNews {
  return typeof message === 'object' && message !== null && 'is' in message;
}
