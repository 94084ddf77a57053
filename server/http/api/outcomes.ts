import type { Machine } from '../../core/machine.ts';
import type { DraftOutcome } from '../../services/board-drafts.ts';
import type { DtbOutcome } from '../../services/board-dtbs.ts';
import type { BundleOutcome } from '../../services/bundles.ts';
import type { TryOutcome } from '../../services/bundle-tries.ts';
import type { ChannelOutcome } from '../../services/channels.ts';
import type { ExplainOutcome } from '../../services/explain.ts';
import type { MachineOutcome } from '../../services/machines.ts';
import type { PowerOutcome } from '../../services/power.ts';
import type { Forcing } from '../../services/power-outcome.ts';
import { json, problem, type Answer } from '../route.ts';
import { viewOfExplanation } from '../views.ts';

/** What keeps an order from being done, in the words most services share. */
type OrderRefusal =
  | {
      readonly is: 'unknown-machine' | 'unknown-bundle' | 'unknown-board' | 'unknown-version';
      readonly because: string;
    }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken' | 'refused'; readonly because: string };

function answerRefusal(outcome: OrderRefusal): Answer {
  switch (outcome.is) {
    case 'unknown-machine':
    case 'unknown-bundle':
    case 'unknown-board':
    case 'unknown-version':
      return problem(404, outcome.is, outcome.because);
    case 'bad-value':
      return problem(400, outcome.is, outcome.because, { field: outcome.field });
    case 'taken':
    case 'refused':
      return problem(409, outcome.is, outcome.because);
  }
}

/** What people did with a machine, as an answer; `done` says what is told when it went well. */
export async function answerMachine(
  outcome: MachineOutcome,
  done: (machine: Machine) => Promise<Answer> | Answer,
): Promise<Answer> {
  switch (outcome.is) {
    case 'done':
      return done(outcome.machine);
    case 'unknown-machine':
      return problem(404, outcome.is, outcome.because);
    case 'bad-value':
      return problem(400, outcome.is, outcome.because, { field: outcome.field });
    case 'not-now':
      return problem(409, outcome.is, outcome.because, { lawful: outcome.lawful });
    case 'taken':
      return problem(409, outcome.is, outcome.because);
  }
}

/** How a power order ended, as an answer to somebody whose word would force as much as `mayForce` says. */
export function answerPower(outcome: PowerOutcome, mayForce?: Forcing): Answer {
  switch (outcome.is) {
    case 'done':
      return json(outcome);
    case 'failed':
      return problem(502, outcome.code, outcome.because);
    case 'dropped':
      return problem(409, outcome.is, outcome.because);
    case 'refused': {
      const { forcedBy } = outcome;
      const isEnough = forcedBy !== undefined && (forcedBy === 'operator' || mayForce === 'admin');
      return problem(409, outcome.is, outcome.because, { mayForce: isEnough });
    }
  }
}

/** An explanation as an answer. */
export function answerExplain(outcome: ExplainOutcome): Answer {
  return outcome.is === 'done' ? json(viewOfExplanation(outcome.explanation)) : answerRefusal(outcome);
}

/** What happened to a bundle, as an answer. */
export function answerBundle(outcome: BundleOutcome, done: Answer): Answer {
  return outcome.is === 'done' ? done : answerRefusal(outcome);
}

/** What happened to a channel, as an answer. */
export function answerChannel(outcome: ChannelOutcome): Answer {
  return outcome.is === 'done' ? json(outcome.channel) : answerRefusal(outcome);
}

/** What happened to a trial, as an answer; `done` says what is told when it went well. */
export function answerTrial(
  outcome: TryOutcome,
  done: (outcome: Extract<TryOutcome, { is: 'done' }>) => Answer,
): Answer {
  return outcome.is === 'done' ? done(outcome) : answerRefusal(outcome);
}

/** No machine by that name. */
export function noMachine(ref: string): Answer {
  return problem(404, 'unknown-machine', `no machine "${ref.slice(0, 80)}"; name it by name, MAC or id`);
}

/** No board by that name. */
export function noBoard(name: string): Answer {
  const because = `there is no board "${name.slice(0, 80)}"; "farrier board list" shows those there are`;
  return problem(404, 'unknown-board', because);
}

/** What happened to a board's device tree, as an answer. */
export function answerDtb(outcome: DtbOutcome): Answer {
  if (outcome.is !== 'done') return answerRefusal(outcome);
  return json({ version: outcome.version, changed: outcome.changed }, outcome.changed ? 201 : 200);
}

/** What became of a new board, as an answer. */
export function answerDraft(outcome: DraftOutcome): Answer {
  if (outcome.is !== 'done') return answerRefusal(outcome);
  return json({ name: outcome.name, file: outcome.file, text: outcome.text }, 201);
}
