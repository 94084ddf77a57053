import { err, ok, type Result } from './result.ts';

/** States in which a machine stays until somebody acts. */
export const REST_STATES = ['new', 'ready', 'allocated', 'deployed', 'rescue', 'broken', 'retired'] as const;
/** States in which work is under way; each has a deadline and a rest state it falls to. */
export const MOVING_STATES = [
  'commissioning',
  'testing',
  'deploying',
  'releasing',
  'erasing',
  'entering-rescue',
  'leaving-rescue',
] as const;

/** A state that waits for somebody. */
export type RestState = (typeof REST_STATES)[number];
/** A state that carries a deadline. */
export type MovingState = (typeof MOVING_STATES)[number];
/** Where a machine stands in its life. */
export type State = RestState | MovingState;

/** All states, in the order in which the page draws them. */
export const STATES: readonly State[] = [
  'new',
  'commissioning',
  'testing',
  'ready',
  'allocated',
  'deploying',
  'deployed',
  'releasing',
  'erasing',
  'entering-rescue',
  'rescue',
  'leaving-rescue',
  'broken',
  'retired',
];

/** What can happen to a machine. `done`, `fail` and `late` end a moving state; `abort` is lawful everywhere. */
export const LIFECYCLE_EVENTS = [
  'accept',
  'commission',
  'test',
  'allocate',
  'deploy',
  'release',
  'erase',
  'rescue',
  'leave-rescue',
  'mark-broken',
  'mark-fixed',
  'retire',
  'done',
  'fail',
  'late',
  'abort',
] as const;
export type LifecycleEvent = (typeof LIFECYCLE_EVENTS)[number];

interface RestRow {
  readonly rest: true;
  readonly on: Readonly<Partial<Record<LifecycleEvent, State>>>;
}
interface MovingRow {
  readonly rest: false;
  readonly on: Readonly<Partial<Record<LifecycleEvent, State>> & { done: RestState | MovingState }>;
  /** Seconds it may last; then `late` happens. */
  readonly deadlineS: number;
  /** Where `late`, `fail` and `abort` lead. */
  readonly falls: RestState;
}

/** THE state table. The docs and the page draw their picture from it. */
export const LIFECYCLE = {
  new: { rest: true, on: { accept: 'ready', commission: 'commissioning', retire: 'retired', 'mark-broken': 'broken' } },
  ready: {
    rest: true,
    on: {
      commission: 'commissioning',
      test: 'testing',
      allocate: 'allocated',
      deploy: 'deploying',
      erase: 'erasing',
      rescue: 'entering-rescue',
      'mark-broken': 'broken',
      retire: 'retired',
    },
  },
  allocated: {
    rest: true,
    on: { deploy: 'deploying', release: 'releasing', rescue: 'entering-rescue', 'mark-broken': 'broken' },
  },
  deployed: {
    rest: true,
    on: { deploy: 'deploying', release: 'releasing', rescue: 'entering-rescue', 'mark-broken': 'broken' },
  },
  rescue: { rest: true, on: { 'leave-rescue': 'leaving-rescue', release: 'releasing', 'mark-broken': 'broken' } },
  broken: { rest: true, on: { 'mark-fixed': 'ready', commission: 'commissioning', retire: 'retired' } },
  retired: { rest: true, on: { accept: 'ready' } },
  commissioning: { rest: false, on: { done: 'ready' }, deadlineS: 1800, falls: 'new' },
  testing: { rest: false, on: { done: 'ready' }, deadlineS: 7200, falls: 'ready' },
  deploying: { rest: false, on: { done: 'deployed' }, deadlineS: 3600, falls: 'allocated' },
  releasing: { rest: false, on: { done: 'ready', erase: 'erasing' }, deadlineS: 600, falls: 'ready' },
  erasing: { rest: false, on: { done: 'ready' }, deadlineS: 14_400, falls: 'broken' },
  'entering-rescue': { rest: false, on: { done: 'rescue' }, deadlineS: 1200, falls: 'broken' },
  'leaving-rescue': { rest: false, on: { done: 'deployed' }, deadlineS: 1200, falls: 'broken' },
} as const satisfies Record<RestState, RestRow> & Record<MovingState, MovingRow>;

/** Whether a state rests. */
export function rests(state: State): state is RestState {
  return LIFECYCLE[state].rest;
}

/** Seconds a moving state may last; nothing for a rest state. */
export function deadlineOf(state: State): number | undefined {
  const row: RestRow | MovingRow = LIFECYCLE[state];
  return row.rest ? undefined : row.deadlineS;
}

/** The events that are lawful in a state, `abort` among them. */
export function lawfulEvents(state: State): readonly LifecycleEvent[] {
  return LIFECYCLE_EVENTS.filter((event) => next(state, event).ok);
}

/**
 * Where an event leads. `abort` is lawful everywhere: a resting machine stays where it is.
 * The error names the events that are lawful instead.
 */
export function next(state: State, event: LifecycleEvent): Result<State> {
  const row: RestRow | MovingRow = LIFECYCLE[state];
  const direct = row.on[event];
  if (direct) return ok(direct);
  if (event === 'abort') return ok(row.rest ? state : row.falls);
  if (!row.rest && (event === 'late' || event === 'fail')) return ok(row.falls);
  const lawful = Object.keys(row.on);
  return err(`a machine in state "${state}" cannot "${event}"; it can: ${[...lawful, 'abort'].join(', ')}`);
}
