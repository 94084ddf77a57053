import type { Ipv4 } from '../core/address.ts';
import type { Machine } from '../core/machine.ts';
import type { AnswersNow } from '../ports/answers-now.ts';

/** One way in which a machine shows that it has power. */
export interface Sign {
  readonly is: 'link' | 'BMC' | 'console';
  /** Looks in a row, a second apart, without it that count as silence. */
  readonly rounds: number;
  there(): Promise<boolean>;
}

/** Where a machine's console is recorded, as far as signs are concerned. */
interface Rooms {
  room(machine: Machine): Promise<{ readonly recording: { range(): { readonly to: number } } }>;
}

/** One lost answer is no silence, and no death. */
export const ROUNDS = 3;
/** A board that talks all the time (a loader in its loop, a noisy kernel) pauses now and then. */
const CONSOLE_ROUNDS = 12;
/** A BMC by which a machine is switched lives on when the machine is off: it shows nothing. */
const BY_BMC = ['ipmi', 'redfish', 'amt'];

/**
 * The signs of a machine, the surest first: its own address, its BMC's (an outlet takes the BMC's power too), and a
 * console that goes on talking. `addressOf` says which address it has now.
 */
export function createSignsOf(deps: {
  readonly answers: AnswersNow;
  readonly addressOf: (machine: Machine) => Ipv4 | undefined;
  readonly consoles: Rooms;
}): (machine: Machine) => readonly Sign[] {
  const { answers, addressOf, consoles } = deps;
  const answering = (is: 'link' | 'BMC', address: Ipv4 | undefined): readonly Sign[] =>
    address === undefined ? [] : [{ is, rounds: ROUNDS, there: () => answers(address) }];
  return (machine) => {
    const isByBmc = BY_BMC.includes(machine.power?.driver ?? '');
    return [
      ...answering('link', addressOf(machine)),
      ...answering('BMC', isByBmc ? undefined : machine.facts?.bmcAddress),
      talking(machine, consoles),
    ];
  };
}

/** Whether the board has said anything since it was looked at last. */
function talking(machine: Machine, consoles: Rooms): Sign {
  let heardTo: number | undefined;
  return {
    is: 'console',
    rounds: CONSOLE_ROUNDS,
    there: async () => {
      const { to } = (await consoles.room(machine)).recording.range();
      const before = heardTo ?? to;
      heardTo = to;
      return to > before;
    },
  };
}
