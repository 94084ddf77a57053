import { rm } from 'node:fs/promises';
import { runDemo, type DemoEdges, type DemoOrder } from './demo-run.ts';

/** What the inside of a demo tells the program that started it. */
export type InsideNews =
  | { readonly is: 'inside' }
  | { readonly is: 'up'; readonly webSocket: string }
  | { readonly is: 'failed'; readonly because: string };

/** Takes an order as it was given on the command line; nothing when it is none. */
export function readDemoOrder(text: string): DemoOrder | undefined {
  const value: unknown = JSON.parse(text);
  const isOrder = (order: unknown): order is DemoOrder =>
    typeof order === 'object' && order !== null && 'where' in order && 'boards' in order && 'folder' in order;
  return isOrder(value) ? value : undefined;
}

/** Whether a message of the inside was understood. */
export function isInsideNews(message: unknown): message is InsideNews {
  return typeof message === 'object' && message !== null && 'is' in message;
}

/**
 * The inside of a demo: runs it until the program that started this process lets go of its channel (its end, however
 * it comes), then takes everything down, the demo's folder too. Resolves when all is gone.
 */
export async function demoInside(order: DemoOrder, edges: DemoEdges): Promise<void> {
  const tell = (news: InsideNews): void => {
    if (process.connected) process.send?.(news);
  };
  const letGo = new Promise<void>((resolve) => {
    process.once('disconnect', resolve);
  });
  // Ctrl-C reaches the whole terminal; the outside hears it too and lets go.
  process.on('SIGINT', () => undefined);
  tell({ is: 'inside' });
  try {
    const demo = await runDemo(order, edges);
    tell({ is: 'up', webSocket: demo.webSocket });
    await letGo;
    await demo.stop();
  } catch (cause) {
    tell({ is: 'failed', because: cause instanceof Error ? cause.message : String(cause) });
  }
  await rm(order.folder, { recursive: true, force: true });
}
