import { startVirtualBmc, type VirtualBmc, type VirtualBmcOptions } from '../../lab/virtual-bmc.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realCrypto } from './ipmi-crypto.ts';

/** A virtual BMC on loopback with a machine that is nothing but its state. */
export interface TestBmc extends VirtualBmc {
  isOn(): boolean;
  /** Everything that was done to the machine: `on`, `off`, `reset`. */
  readonly deeds: string[];
}

export const BMC_USER = 'operator';
/** Twenty octets, the most IPMI 2.0 knows. */
export const BMC_PASSWORD = 'canary-0123456789-xy';

/** Starts one; `change` overrides what it is by default. */
export async function startTestBmc(change: Partial<VirtualBmcOptions> = {}): Promise<TestBmc> {
  let on = false;
  const deeds: string[] = [];
  const bmc = await startVirtualBmc({
    address: '127.0.0.1',
    port: 0,
    user: BMC_USER,
    password: BMC_PASSWORD,
    crypto: realCrypto,
    clock: realClock,
    power: {
      isOn: () => on,
      turn: (want) => {
        on = want;
        deeds.push(want ? 'on' : 'off');
      },
      reset: () => deeds.push('reset'),
    },
    ...change,
  });
  return { ...bmc, isOn: () => on, deeds };
}
