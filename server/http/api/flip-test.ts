import { z } from 'zod';
import { flipWords, silenceWords } from '../../core/flip-judge.ts';
import type { FlipTest } from '../../services/power-flip.ts';
import type { HttpDeps } from '../deps.ts';
import { NO_FIELDS, PLAIN, json, problem, route, type Answer, type Route } from '../route.ts';
import { flipOrder } from '../schemas.ts';

const text = z.string().optional();

/** A flip test as the API tells it. */
const flipView = z.object({
  state: z.enum(['none', 'running', 'done', 'aborted']),
  by: text,
  startedMs: z.number().optional(),
  outlets: z.array(
    z.object({
      machine: z.string().describe('Whose setting names the outlet.'),
      step: z.enum(['waiting', 'off', 'on', 'done']),
      silent: z.array(z.string()).describe('Who gave no sign of life while it was off.'),
      signs: z.array(z.string()).describe('The same in words: by which sign each was watched.'),
      missing: z.array(z.string()).describe('Who has not come back.'),
      verdict: z.enum(['right', 'swapped', 'wrong', 'nobody', 'unsure']).optional(),
      words: text.describe('The verdict in words; preliminary while the test runs.'),
    }),
  ),
});

function viewOf(test: FlipTest | undefined): z.infer<typeof flipView> {
  if (!test) return { state: 'none', outlets: [] };
  const outlets = test.outlets.map(({ machine, step, silent, missing, verdict }) => ({
    ...{ machine, step, missing: [...missing] },
    silent: silent.map((each) => each.machine),
    signs: silent.map(silenceWords),
    verdict: verdict?.is,
    words: verdict && flipWords(verdict),
  }));
  return { state: test.state, by: test.by, startedMs: test.startedMs, outlets };
}

/** The flip test: which machine really hangs on which outlet. One test at a time. */
export function flipTestRoutes(deps: Pick<HttpDeps, 'flips'>): readonly Route[] {
  const { flips } = deps;
  const tell = (): Answer => json(viewOf(flips.now()));
  return [
    route('GET /api/v1/power/flip-test', {
      ...PLAIN,
      summary: 'The flip test under way, or the last one',
      answers: { 200: flipView },
      run: tell,
    }),
    route('POST /api/v1/power/flip-test', {
      query: NO_FIELDS,
      body: flipOrder,
      summary: 'Switches off one outlet after another and watches who falls silent',
      answers: { 202: flipView },
      run: async ({ body, by }) => {
        const { machines, confirm, silentS, backS } = body;
        if (!confirm)
          return problem(
            409,
            'not-confirmed',
            `this switches off ${machines.join(', ')}, one after another; confirm it`,
          );
        const outcome = await flips.begin({ refs: machines, by, silentMs: silentS * 1000, backMs: backS * 1000 });
        switch (outcome.is) {
          case 'begun':
            return json(viewOf(outcome.test), 202);
          case 'unknown-machine':
            return problem(404, outcome.is, outcome.because);
          case 'refused':
            return problem(409, outcome.is, outcome.because);
        }
      },
    }),
    route('DELETE /api/v1/power/flip-test', {
      ...PLAIN,
      summary: 'Ends the flip test; what it switched off is switched on again',
      answers: { 200: flipView },
      run: () => {
        flips.abort();
        return tell();
      },
    }),
  ];
}
