import type { Request } from 'express';
import type { Clock } from '../ports/clock.ts';
import { FloodGate } from './flood-gate.ts';
import type { Problem } from './problem.ts';

/** One address may call 60 times at once, then twice a second: an agent needs about twenty calls a boot. */
const LIMITS = { burst: 60, perMinute: 120, sourcesMax: 4096 };

/** The token of a boot in a request: `Authorization: Bearer` and 32 hexadecimal digits; nothing for all else. */
export function bearerOf(request: Request): string | undefined {
  return /^Bearer ([0-9a-f]{32})$/.exec(request.headers.authorization ?? '')?.[1];
}

/** What stands before the agent's calls: their flood limit, and that there is a token at all. */
export function createAgentGate(clock: Clock): (request: Request, from: string) => Problem | undefined {
  const gate = new FloodGate(clock, LIMITS);
  return (request, from) => {
    const waitS = gate.knock(from);
    if (waitS > 0) return { status: 429, code: 'too-many', detail: `too many calls from ${from}`, retryAfterS: waitS };
    if (bearerOf(request) !== undefined) return undefined;
    return { status: 403, code: 'forbidden', detail: 'this call needs the token of a boot that is under way' };
  };
}
