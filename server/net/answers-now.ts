import type { AnswersNow } from '../ports/answers-now.ts';
import type { ProbeMeans } from './probe-address.ts';

/** A host of the same LAN answers within milliseconds; a busy one has this long. */
const WAIT_MS = 1000;

/**
 * Asks by a datagram to the discard port ("port unreachable" is an answer) and by ICMP echo. What the kernel remembers of
 * its neighbours is no answer: it outlives a machine by half a minute.
 */
export function answersNow(means: Pick<ProbeMeans, 'knock' | 'ping'>): AnswersNow {
  return async (address) => {
    const asked = [means.knock(address, WAIT_MS), means.ping(undefined, address, WAIT_MS)];
    const answers = await Promise.allSettled(asked);
    return answers.some((answer) => answer.status === 'fulfilled' && answer.value);
  };
}
