import { ipmi } from '../../../power-drivers/ipmi.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc } from '../bmc-rack.ts';
import type { DriverBench } from '../driver-bench.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import { realCrypto } from '../ipmi-crypto.ts';

const LATE_MS = 2500;
const FLAP_MS = 200;

/** Starts the bench of the driver `ipmi`: a virtual BMC that ipmitool takes for a real one. */
export async function startBench(): Promise<DriverBench> {
  let on = false;
  let isLate = false;
  let stopFlapping = (): void => undefined;
  const bmc = await startTestBmc({
    crypto: realCrypto,
    power: {
      isOn: () => on,
      turn: (want) => {
        if (isLate) realClock.after(LATE_MS, () => (on = want));
        else on = want;
      },
      reset: () => undefined,
    },
  });
  const flap = (): void => {
    let isBusy = false;
    const turn = (): void => {
      isBusy = !isBusy;
      bmc.fault(isBusy ? 'busy' : 'none');
      stopFlapping = realClock.after(FLAP_MS, turn);
    };
    turn();
  };
  const behave = (): void => {
    stopFlapping();
    isLate = false;
    bmc.fault('none');
  };
  return {
    driver: ipmi,
    parameters: { host: bmc.address, port: bmc.port, user: BMC_USER, password: BMC_PASSWORD },
    secretField: 'password',
    truth: () => Promise.resolve(on ? 'on' : 'off'),
    misbehave: (how) => {
      behave();
      switch (how) {
        case 'not':
          break;
        case 'silent':
        case 'slow':
          bmc.fault(how);
          break;
        case 'half':
          bmc.fault('half-packet');
          break;
        case 'lies':
          bmc.fault('stays-off');
          break;
        case 'late':
          isLate = true;
          break;
        case 'flapping':
          flap();
          break;
        case 'flood':
          return Promise.reject(new Error('unsupported: a BMC answers a datagram with a datagram'));
      }
      return Promise.resolve();
    },
    seen: () => [],
    close: async () => {
      behave();
      await bmc.stop();
    },
  };
}
