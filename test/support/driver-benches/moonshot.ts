import { startPretendMoonshot } from '../../../lab/pretend/moonshot.ts';
import { moonshot } from '../../../power-drivers/moonshot.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';
import { switchedBench } from '../switched-bench.ts';

/** A pretend chassis manager over real SSH. */
export async function startBench(): Promise<DriverBench> {
  const chassis = await startPretendMoonshot(realClock);
  const { port, user, password, hostKey } = chassis;
  return {
    driver: moonshot,
    parameters: { host: '127.0.0.1', port, user, password, hostKey, node: 'c7n1' },
    secretField: 'password',
    ...switchedBench(chassis.machine),
    close: chassis.close,
  };
}
