import { startPretendAmt } from '../../../lab/pretend/amt.ts';
import { amt } from '../../../power-drivers/amt.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';

/** A pretend AMT engine over plain HTTP. */
export async function startBench(): Promise<DriverBench> {
  const [user, password] = ['admin', 'canary-Amt0!'];
  const engine = await startPretendAmt({ clock: realClock, user, password });
  return {
    driver: amt,
    parameters: { host: '127.0.0.1', port: engine.device.port, user, password },
    secretField: 'password',
    truth: () => Promise.resolve(engine.machine.isOn() ? 'on' : 'off'),
    misbehave: (how) => {
      engine.misbehave(how);
      return Promise.resolve();
    },
    seen: () => engine.device.seen(),
    close: () => engine.device.close(),
  };
}
