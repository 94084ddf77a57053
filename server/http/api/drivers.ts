import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { NO_FIELDS, PLAIN, json, problem, route, type Answer, type Route } from '../route.ts';
import { driverTestOrder } from '../schemas.ts';
import { driverView, viewOfDriver } from '../views.ts';
import type { DriverTestOutcome } from '../../services/driver-tests.ts';

const problemView = z.object({ file: z.string(), because: z.string() });
const resultView = z.object({
  rule: z.string(),
  sentence: z.string(),
  verdict: z.enum(['pass', 'fail', 'not-judged']),
  because: z.string(),
  tookMs: z.number(),
});
const testView = z.object({
  on: z.string().describe('What it was tried on.'),
  passed: z.boolean().describe('No rule failed.'),
  results: z.array(resultView),
});

/** Power drivers: which there are, which files are none and why, and trying one. */
export function driverRoutes({ drivers, driverTests }: Pick<HttpDeps, 'drivers' | 'driverTests'>): readonly Route[] {
  return [
    route('GET /api/v1/drivers', {
      ...PLAIN,
      summary: 'The power drivers and the fields they need, and the files in driver folders that are none',
      answers: { 200: z.object({ drivers: z.array(driverView), problems: z.array(problemView) }) },
      run: () =>
        json({
          drivers: drivers.list().map((driver) => viewOfDriver(driver, drivers.fileOf(driver.name))),
          problems: drivers.problems(),
        }),
    }),
    route('POST /api/v1/drivers/{name}/test', {
      query: NO_FIELDS,
      body: driverTestOrder,
      summary: 'Tries a power driver by the rules that every driver keeps; may take minutes',
      answers: { 200: testView },
      run: async ({ part, body }) => {
        const order = { ...body, driver: part('name'), machine: body.machine };
        return answerTest(await driverTests.run(order));
      },
    }),
  ];
}

function answerTest(outcome: DriverTestOutcome): Answer {
  switch (outcome.is) {
    case 'done': {
      const { on, results } = outcome;
      return json({ on, passed: results.every(({ verdict }) => verdict !== 'fail'), results });
    }
    case 'unknown-driver':
    case 'unknown-machine':
      return problem(404, outcome.is, outcome.because);
    case 'bad-value':
      return problem(400, outcome.is, outcome.because, { field: outcome.field });
    case 'refused':
      return problem(409, outcome.is, outcome.because);
  }
}
