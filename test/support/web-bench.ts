import { startWebDevice, type PretendWebDevice, type WebManner } from '../../lab/pretend/web-device.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import type { DriverBench } from './driver-bench.ts';

/** A driver's bench on a pretend web device; the first outlet is the machine's. */
export async function webBench(bench: {
  readonly driver: PowerDriver;
  readonly manner: WebManner;
  readonly outlets: readonly [string, ...string[]];
  readonly secretField: string;
  parameters(device: PretendWebDevice): FieldValues;
}): Promise<DriverBench> {
  const { driver, manner, outlets, secretField } = bench;
  const device = await startWebDevice({ manner, outlets, clock: realClock });
  return {
    driver,
    parameters: bench.parameters(device),
    secretField,
    truth: () => Promise.resolve(device.isOn(outlets[0]) ? 'on' : 'off'),
    misbehave: (how) => {
      device.misbehave(how);
      return Promise.resolve();
    },
    seen: () => device.seen(),
    close: () => device.close(),
  };
}
