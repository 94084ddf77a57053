import { nodeIpmiCrypto } from '../../power-drivers/common/ipmi-socket.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realRng } from '../../server/edges/real-rng.ts';
import type { PowerEdges } from '../../server/ports/power-driver.ts';
import type { IpmiCrypto } from '../../server/wire/ipmi/crypto.ts';

/** What a driver needs of the world, for real. */
export const realEdges: PowerEdges = { clock: realClock, rng: realRng };

/** RMCP+'s primitives with real randomness. */
export const realCrypto: IpmiCrypto = nodeIpmiCrypto(realRng);
