import { randomBytes } from 'node:crypto';
import type { Rng } from '../ports/rng.ts';

/** The kernel's unpredictable octets. */
export const realRng: Rng = { octets: (count) => randomBytes(count) };
