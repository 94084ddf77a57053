import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { labClock } from './lab-clock.ts';
import { virtualBoard, type VirtualBoard } from './virtual-board.ts';
import { isHostOrder, type HostNews, type HostOrder } from './virtual/host-talk.ts';
import { socketNet, type SocketNet } from './virtual/socket-net.ts';

// The program that holds virtual boards in a network namespace of their own; its parent speaks to it over IPC.

const clock = labClock();
const rng = { octets: (count: number): Uint8Array => randomBytes(count) };
const nets = new Map<string, SocketNet>();
const boards = new Map<string, VirtualBoard>();

function tell(news: HostNews): void {
  // A parent that is just leaving hears nothing any more; that is no fault of ours.
  if (process.connected) process.send?.(news, undefined, undefined, () => undefined);
}

/** Several devices on one LAN: each answers ARP for its own addresses only, as machines do. */
async function separateArp(): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/conf/all/arp_ignore', '1');
  await writeFile('/proc/sys/net/ipv4/conf/all/arp_announce', '2');
}

/** Without it the kernel takes all other boards' addresses along when the first one of a device goes. */
async function keepNeighbours(device: string): Promise<void> {
  await writeFile(`/proc/sys/net/ipv4/conf/${device}/promote_secondaries`, '1');
}

/** Every machine limits for itself how often it says "port unreachable"; here many share one kernel and one limit. */
async function answerForAll(): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/icmp_ratelimit', '0');
}

async function obey(order: HostOrder): Promise<void> {
  switch (order.do) {
    case 'plug':
      if (order.net.addresses === 'own') await separateArp();
      if (order.net.addresses === 'shared') await keepNeighbours(order.net.device);
      await answerForAll();
      nets.set(order.net.device, await socketNet(order.net));
      return;
    case 'add': {
      const { name } = order.spec;
      const net = nets.get(order.device);
      if (!net) throw new Error(`nothing is plugged into ${order.device}`);
      boards.set(
        name,
        virtualBoard(order.spec, {
          ...{ net, clock, rng },
          onLog: (entry) => {
            tell({ is: 'log', board: name, entry });
          },
          onState: (state) => {
            tell({ is: 'state', board: name, state });
          },
        }),
      );
      return;
    }
    case 'power': {
      const board = boards.get(order.board);
      if (!board) throw new Error(`no board "${order.board}"`);
      await (order.on ? board.powerOn() : board.powerOff());
    }
  }
}

process.on('message', (message) => {
  if (!isHostOrder(message)) return;
  obey(message).then(
    () => {
      tell({ is: 'done', ticket: message.ticket });
    },
    (cause: unknown) => {
      tell({ is: 'failed', ticket: message.ticket, because: cause instanceof Error ? cause.message : String(cause) });
    },
  );
});
process.once('disconnect', () => process.exit());
// The terminal's Ctrl-C goes to everybody; who started this program ends it.
process.on('SIGINT', () => undefined);
tell({ is: 'ready' });
