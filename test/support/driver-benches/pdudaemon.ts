import { startPduDaemon } from '../../../lab/pdudaemon.ts';
import { pdudaemon } from '../../../power-drivers/pdudaemon.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';

/** The real pdudaemon of Debian, whose PDU is a command that writes down its orders. */
export async function startBench(): Promise<DriverBench> {
  const daemon = await startPduDaemon(realClock);
  const WAYS = { not: 'obey', lies: 'lie', slow: 'dawdle', silent: 'obey' } as const;
  return {
    driver: pdudaemon,
    parameters: { host: '127.0.0.1', port: daemon.port, pdu: 'bench', outlet: 7 },
    secretField: undefined,
    truth: async () => ((await daemon.orders()).at(-1) === '7 on' ? 'on' : 'off'),
    misbehave: async (how) => {
      if (how !== 'not' && how !== 'lies' && how !== 'slow' && how !== 'silent') throw new Error('unsupported');
      daemon.freeze(how === 'silent');
      await daemon.commands(WAYS[how]);
    },
    seen: () => [],
    close: () => daemon.stop(),
  };
}
