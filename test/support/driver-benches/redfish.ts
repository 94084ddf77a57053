import { startPretendRedfish } from '../../../lab/pretend/redfish.ts';
import { redfish } from '../../../power-drivers/redfish.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';

/** A pretend Redfish service over plain HTTP. */
export async function startBench(): Promise<DriverBench> {
  const [user, password] = ['lab', 'canary-r3dfish'];
  const service = await startPretendRedfish({ clock: realClock, user, password });
  return {
    driver: redfish,
    parameters: { host: '127.0.0.1', port: service.device.port, scheme: 'http', user, password },
    secretField: 'password',
    truth: () => Promise.resolve(service.machine.isOn() ? 'on' : 'off'),
    misbehave: (how) => {
      service.misbehave(how);
      return Promise.resolve();
    },
    seen: () => service.device.seen(),
    close: () => service.device.close(),
  };
}
