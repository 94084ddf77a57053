import type { Switched } from '../../lab/pretend/switched.ts';
import type { DriverBench } from './driver-bench.ts';

/** What a bench says of a device that stands on the pretend lab's switched machine. */
export function switchedBench(machine: Switched): Pick<DriverBench, 'truth' | 'misbehave' | 'seen'> {
  return {
    truth: () => Promise.resolve(machine.truth()),
    misbehave: (how) => {
      machine.how = how;
      return Promise.resolve();
    },
    seen: machine.seen,
  };
}
