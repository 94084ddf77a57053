import { z } from 'zod';
import { bootMatrix } from '../../core/boot-matrix.ts';
import type { BundleTry } from '../../core/bundle-try.ts';
import type { HttpDeps } from '../deps.ts';
import { EMPTY, NO_FIELDS, PLAIN, json, problem, route, type Route } from '../route.ts';
import { promoteOrder, trialOrder } from '../schemas.ts';
import { answerChannel, answerTrial } from './outcomes.ts';

const channelView = z.object({
  name: z.string(),
  channel: z.string(),
  version: z.string(),
  previous: z.string().optional(),
  sinceMs: z.number(),
  by: z.string(),
});
const moveView = z.object({
  id: z.number(),
  name: z.string(),
  channel: z.string(),
  version: z.string(),
  atMs: z.number(),
  by: z.string(),
  undoneMs: z.number().optional(),
});
const trialView = z.object({
  machine: z.string().describe('Its id.'),
  name: z.string(),
  bundle: z.string(),
  back: z.string().optional().describe('What it goes back to; its own disk when absent.'),
  by: z.string(),
  askedMs: z.number(),
  withinMs: z.number(),
  mayCycle: z.boolean(),
  step: z.enum(['armed', 'under way', 'good', 'returning', 'cycling']),
  endsMs: z.number().optional(),
});
const kernelView = z.object({
  machine: z.string(),
  board: z.string().optional(),
  arch: z.string().optional(),
  running: z.string().optional(),
  newest: z.object({ bundle: z.string(), release: z.string() }).optional(),
  verdict: z.enum(['older', 'current', 'unknown']),
});

const cellView = z.object({
  board: z.string(),
  bundle: z.string(),
  last: z.enum(['ended well', 'failed', 'silent']),
  lastMs: z.number(),
  good: z.number(),
  bad: z.number().describe('Boots that failed or fell silent.'),
});

type Deps = Pick<HttpDeps, 'channels' | 'tries' | 'kernelReport' | 'store'>;

function viewOfTrial(attempt: BundleTry, name: string): z.infer<typeof trialView> {
  const { machine, bundle, back, by, askedMs, withinMs, mayCycle, step, endsMs } = attempt;
  return { machine, name, bundle, back, by, askedMs, withinMs, mayCycle, step, endsMs };
}

/** Channels, trials, and which machines are behind. */
export function channelRoutes(deps: Deps): readonly Route[] {
  return [
    route('GET /api/v1/channels', {
      ...PLAIN,
      summary: 'Where each channel points, and every move there was',
      answers: { 200: z.object({ channels: z.array(channelView), history: z.array(moveView) }) },
      run: async () => json({ channels: await deps.channels.list(), history: await deps.channels.history() }),
    }),
    route('POST /api/v1/bundles/{ref}/promote', {
      query: NO_FIELDS,
      body: promoteOrder,
      summary: 'Points a channel at this version; machines on the channel get it at their next boot',
      answers: { 200: channelView },
      run: async ({ part, body, by }) => answerChannel(await deps.channels.promote(part('ref'), body.channel, by)),
    }),
    route('POST /api/v1/channels/{ref}/rollback', {
      ...PLAIN,
      summary: 'Points a channel, named name:channel, at what it pointed at before',
      answers: { 200: channelView },
      run: async ({ part, by }) => {
        const [, name, channel] = /^([^:]*):([^:]*)$/.exec(part('ref')) ?? [];
        if (name === undefined || channel === undefined)
          return problem(400, 'bad-value', 'write the channel as name:channel', { field: 'ref' });
        return answerChannel(await deps.channels.rollback(name, channel, by));
      },
    }),
    ...trialRoutes(deps),
    matrixRoute(deps),
    route('GET /api/v1/kernels', {
      ...PLAIN,
      summary: 'Which machines run older kernels than the newest bundle for them',
      answers: { 200: z.object({ kernels: z.array(kernelView) }) },
      run: async () => json({ kernels: await deps.kernelReport() }),
    }),
  ];
}

function matrixRoute({ store }: Deps): Route {
  return route('GET /api/v1/boot-matrix', {
    ...PLAIN,
    summary: 'How boots of each board with each bundle have ended',
    answers: { 200: z.object({ cells: z.array(cellView) }) },
    run: async () => json({ cells: bootMatrix(await store.boots.tallies()) }),
  });
}

function trialRoutes(deps: Deps): readonly Route[] {
  return [
    route('GET /api/v1/trials', {
      ...PLAIN,
      summary: 'Bundles on trial, one boot each',
      answers: { 200: z.object({ trials: z.array(trialView) }) },
      run: async () => {
        const names = new Map((await deps.store.machines.list()).map((machine) => [machine.id, machine.name]));
        const trials = deps.tries.list().map((each) => viewOfTrial(each, names.get(each.machine) ?? each.machine));
        return json({ trials });
      },
    }),
    route('POST /api/v1/machines/{ref}/trial', {
      query: NO_FIELDS,
      body: trialOrder,
      summary: 'Gives its next boot a bundle on trial; without a call home by the deadline it goes back by itself',
      answers: { 201: trialView },
      run: async ({ part, body, by }) => {
        const { bundle, withinS, mayCycle } = body;
        const outcome = await deps.tries.ask(part('ref'), { bundle, withinMs: withinS * 1000, mayCycle }, by);
        return answerTrial(outcome, ({ attempt, machine }) => json(viewOfTrial(attempt, machine.name), 201));
      },
    }),
    route('DELETE /api/v1/machines/{ref}/trial', {
      ...PLAIN,
      summary: 'Ends its trial; the next boot gets what it had before',
      answers: { 204: undefined },
      run: async ({ part, by }) => answerTrial(await deps.tries.abort(part('ref'), by), () => EMPTY),
    }),
  ];
}
