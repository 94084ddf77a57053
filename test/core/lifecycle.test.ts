import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  deadlineOf,
  LIFECYCLE,
  LIFECYCLE_EVENTS,
  lawfulEvents,
  MOVING_STATES,
  next,
  REST_STATES,
  rests,
  STATES,
  type State,
} from '../../server/core/lifecycle.ts';

const reach = (from: State): ReadonlySet<State> => {
  const seen = new Set<State>([from]);
  for (const state of seen)
    for (const event of LIFECYCLE_EVENTS) {
      const to = next(state, event);
      if (to.ok) seen.add(to.value);
    }
  return seen;
};

describe('lifecycle', () => {
  it('lists each state once', () => {
    assert.deepEqual([...STATES].sort(), [...REST_STATES, ...MOVING_STATES].sort());
    assert.deepEqual([...STATES].sort(), Object.keys(LIFECYCLE).sort());
  });

  it('every state is reachable from new', () => {
    assert.deepEqual([...reach('new')].sort(), [...STATES].sort());
  });

  it('every state can reach ready', () => {
    for (const state of STATES) assert.ok(reach(state).has('ready'), state);
  });

  it('every moving state has a deadline and falls to a state that rests', () => {
    for (const state of MOVING_STATES) {
      assert.ok((deadlineOf(state) ?? 0) > 0, state);
      const late = next(state, 'late');
      assert.ok(late.ok && rests(late.value), state);
    }
    for (const state of REST_STATES) assert.equal(deadlineOf(state), undefined);
  });

  it('abort is lawful in every state and ends in one that rests', () => {
    for (const state of STATES) {
      const to = next(state, 'abort');
      assert.ok(to.ok && rests(to.value), state);
    }
  });

  it('any order of events ends in a lawful state', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...LIFECYCLE_EVENTS), { maxLength: 40 }), (events) => {
        const end = events.reduce<State>((state, event) => {
          const to = next(state, event);
          return to.ok ? to.value : state;
        }, 'new');
        assert.ok(STATES.includes(end));
      }),
    );
  });

  const table: readonly (readonly [State, (typeof LIFECYCLE_EVENTS)[number], State])[] = [
    ['new', 'accept', 'ready'],
    ['ready', 'deploy', 'deploying'],
    ['deploying', 'done', 'deployed'],
    ['deploying', 'fail', 'allocated'],
    ['deploying', 'late', 'allocated'],
    ['deployed', 'release', 'releasing'],
    ['releasing', 'abort', 'ready'],
    ['retired', 'accept', 'ready'],
    ['ready', 'abort', 'ready'],
  ];
  for (const [from, event, to] of table)
    it(`${from}, ${event}: ${to}`, () => {
      assert.deepEqual(next(from, event), { ok: true, value: to });
    });

  it('a refusal names what is lawful instead', () => {
    const no = next('new', 'release');
    assert.ok(!no.ok && no.error.includes('accept') && no.error.includes('abort'));
    assert.ok(!lawfulEvents('new').includes('release'));
    assert.ok(lawfulEvents('new').includes('accept'));
  });
});
