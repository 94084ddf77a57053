import { z } from 'zod';
import { rangeOfBoot } from '../../core/console.ts';
import type { Machine } from '../../core/machine.ts';
import type { ConsoleRoom } from '../../services/console-room.ts';
import type { ConsoleSetOutcome } from '../../services/console-settings.ts';
import { consoleLines, sendLog, timedLog, type LogPart } from '../console-log.ts';
import type { HttpDeps } from '../deps.ts';
import { NO_FIELDS, PLAIN, json, problem, route, type Answer, type Route } from '../route.ts';
import { consoleChoice, consoleLogQuery, consoleStreamQuery, consoleTailQuery } from '../schemas.ts';
import { noMachine } from './outcomes.ts';

type Deps = Pick<HttpDeps, 'machines' | 'consoles' | 'store'>;

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const lineView = z.object({
  is: z.enum(['none', 'connecting', 'open', 'closed']),
  sinceMs: z.number(),
  because: z.string().optional(),
});
const consoleView = z.object({
  setting: z.object({ transport: z.string(), parameters: z.record(z.string(), scalar) }).nullable(),
  secretsSet: z.array(z.string()),
  line: lineView,
  recorded: z.object({ from: z.number(), to: z.number() }),
  writer: z.object({ name: z.string(), sinceMs: z.number() }).nullable(),
  viewers: z.number(),
  canBreak: z.boolean(),
  speed: z.number().optional(),
});
const fieldView = z.looseObject({ kind: z.string(), label: z.string() });

async function withMachine(deps: Deps, ref: string, then: (machine: Machine) => Promise<Answer>): Promise<Answer> {
  const machine = await deps.machines.find(ref);
  return machine ? then(machine) : noMachine(ref);
}

async function tellConsole({ consoles }: Deps, machine: Machine): Promise<Answer> {
  const { setting, secretsSet } = await consoles.setting(machine);
  const room = await consoles.room(machine);
  const speed = setting?.parameters['speed'];
  return json({
    setting: setting ?? null,
    secretsSet,
    line: room.line(),
    recorded: room.recording.range(),
    writer: room.writer() ?? null,
    viewers: room.viewers(),
    canBreak: room.canBreak(),
    ...(typeof speed === 'number' ? { speed } : {}),
  });
}

function answerSet(outcome: ConsoleSetOutcome, done: () => Promise<Answer>): Promise<Answer> | Answer {
  switch (outcome.is) {
    case 'done':
      return done();
    case 'unknown-machine':
      return problem(404, outcome.is, outcome.because);
    case 'bad-value':
      return problem(400, outcome.is, outcome.because, { field: outcome.field });
  }
}

/** Consoles: how they are reached, and what was recorded. The live stream is a WebSocket of its own. */
export function consoleRoutes(deps: Deps): readonly Route[] {
  return [...settingRoutes(deps), ...recordingRoutes(deps)];
}

function settingRoutes(deps: Deps): readonly Route[] {
  const set = (ref: string, choice: z.infer<typeof consoleChoice> | undefined, by: string): Promise<Answer> =>
    withMachine(deps, ref, async (machine) =>
      answerSet(await deps.consoles.set(machine, choice, by), () => tellConsole(deps, machine)),
    );
  return [
    route('GET /api/v1/machines/{ref}/console', {
      ...PLAIN,
      summary: 'How its serial line is reached and stands, what is recorded, and who types',
      answers: { 200: consoleView },
      run: ({ part }) => withMachine(deps, part('ref'), (machine) => tellConsole(deps, machine)),
    }),
    route('PUT /api/v1/machines/{ref}/console', {
      query: NO_FIELDS,
      body: consoleChoice,
      summary: 'Says how its serial line is reached; it is kept open and recorded from then on',
      answers: { 200: consoleView },
      run: ({ part, body, by, who }) => {
        const transport = deps.consoles.transports().find(({ name }) => name === body.transport);
        if (transport?.needs === 'admin' && who?.role !== 'admin')
          return problem(403, 'not-allowed', `a console by "${body.transport}" is set by administrators only`);
        return set(part('ref'), body, by);
      },
    }),
    route('DELETE /api/v1/machines/{ref}/console', {
      ...PLAIN,
      summary: 'Forgets how its serial line is reached, secrets included; the recording stays',
      answers: { 200: consoleView },
      run: ({ part, by }) => set(part('ref'), undefined, by),
    }),
    route('GET /api/v1/console-transports', {
      ...PLAIN,
      summary: 'The ways to serial lines, with their fields',
      answers: {
        200: z.object({
          transports: z.array(
            z.object({ name: z.string(), summary: z.string(), fields: z.record(z.string(), fieldView) }),
          ),
        }),
      },
      run: () =>
        json({
          transports: deps.consoles.transports().map(({ name, summary, fields }) => ({ name, summary, fields })),
        }),
    }),
  ];
}

function recordingRoutes(deps: Deps): readonly Route[] {
  return [
    route('GET /api/v1/machines/{ref}/console/log', {
      query: consoleLogQuery,
      body: NO_FIELDS,
      summary: 'What was recorded: raw octets, lines with time stamps, or timed pieces for a replay',
      answers: { 200: undefined },
      run: ({ part, query, response }) =>
        withMachine(deps, part('ref'), async (machine) => {
          const room = await deps.consoles.room(machine);
          const log = partOf(room, query);
          if (!log) return problem(404, 'unknown-boot', `no recording of the boot "${query.boot ?? ''}" is kept`);
          if (query.as === 'timed') return json(await timedLog(log));
          await sendLog(log, response, query.as === 'lines' ? consoleLines() : undefined);
          return { is: 'own' };
        }),
    }),
    route('GET /api/v1/machines/{ref}/console/tail', {
      query: consoleTailQuery,
      body: NO_FIELDS,
      summary: 'The last octets of a boot that ended in a panic, kept when the recording is gone',
      answers: { 200: undefined },
      run: ({ part, query, response }) =>
        withMachine(deps, part('ref'), async (machine) => {
          const boot = await deps.store.boots.byId(query.boot);
          const tail = boot?.machine === machine.id ? await deps.store.consoles.tailOf(query.boot) : undefined;
          if (!tail) return problem(404, 'no-tail', 'nothing is kept of the end of this boot');
          response.type('application/octet-stream').send(Buffer.from(tail));
          return { is: 'own' };
        }),
    }),
    route('GET /api/v1/machines/{ref}/console/stream', {
      query: consoleStreamQuery,
      body: NO_FIELDS,
      summary: 'WebSocket: octets of the board as binary messages, all else as JSON; see docs/consoles.md',
      answers: { 101: undefined },
      run: () => problem(400, 'websocket-only', 'open this address as a WebSocket'),
    }),
  ];
}

function partOf(room: ConsoleRoom, query: z.infer<typeof consoleLogQuery>): LogPart | undefined {
  const { recording } = room;
  const recorded = recording.range();
  const within = query.boot === undefined ? recorded : rangeOfBoot(recording.marks(), query.boot, recorded);
  if (!within) return undefined;
  const from = Math.max(query.from ?? within.from, within.from);
  return { recording, from, to: Math.max(from, Math.min(query.to ?? within.to, within.to)) };
}
