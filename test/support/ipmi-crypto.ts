import { randomBytes } from 'node:crypto';
import { nodeIpmiCrypto } from '../../power-drivers/ipmi.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { PowerEdges } from '../../server/ports/power-driver.ts';
import type { IpmiCrypto } from '../../server/wire/ipmi/crypto.ts';

/** The machine's own clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** What a driver needs of the world, for real. */
export const realEdges: PowerEdges = { clock: realClock, rng: { octets: (count) => randomBytes(count) } };

/** RMCP+'s primitives with real randomness. */
export const realCrypto: IpmiCrypto = nodeIpmiCrypto(realEdges.rng);
