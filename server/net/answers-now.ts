import type { AnswersNow } from '../ports/answers-now.ts';
import type { ProbeMeans } from './probe-address.ts';

/** A host of the same LAN answers within milliseconds; who does not is asked by echo, which waits longer. */
const KNOCK_MS = 150;
/** `ping` itself waits for 1 s; on a busy host its start takes time too. */
const PING_MS = 4000;

/**
 * Asks by a datagram to the discard port ("port unreachable" is an answer) and, where that says nothing, by ICMP echo:
 * hosts limit how often they say "unreachable". What the kernel remembers of its neighbours is no answer: it outlives a
 * machine by half a minute.
 */
export function answersNow(means: Pick<ProbeMeans, 'knock' | 'ping'>): AnswersNow {
  return async (address) => {
    try {
      return (await means.knock(address, KNOCK_MS)) || (await means.ping(undefined, address, PING_MS));
    } catch {
      return false;
    }
  };
}
