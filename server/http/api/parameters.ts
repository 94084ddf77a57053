import { z } from 'zod';
import type { Machine } from '../../core/machine.ts';
import { shellName, valueText, type EffectiveParameter } from '../../core/parameter.ts';
import type { ParameterOutcome, ParameterTarget } from '../../services/parameters.ts';
import { bearerOf } from '../agent-gate.ts';
import type { HttpDeps } from '../deps.ts';
import {
  declarationView,
  machineParameters,
  parameterValueView,
  settingView,
  viewOfDeclaration,
  viewOfEffective,
  viewOfSetting,
} from '../parameter-views.ts';
import { EMPTY, json, NO_FIELDS, PLAIN, problem, route, type Answer, type Route } from '../route.ts';
import { farAwayQuery, nearQuery, parameterSetting, parametersQuery, parameterWish, nearSetting } from '../schemas.ts';
import { addressOf, answerAgent } from './agent.ts';
import { noMachine } from './outcomes.ts';

function answerParameter(outcome: ParameterOutcome, done: () => Promise<Answer> | Answer): Promise<Answer> | Answer {
  switch (outcome.is) {
    case 'done':
      return done();
    case 'unknown-machine':
    case 'unknown-parameter':
      return problem(404, outcome.is, outcome.because);
    case 'taken':
      return problem(409, outcome.is, outcome.because);
    case 'bad-value':
      return problem(400, outcome.is, outcome.because, { field: outcome.field });
  }
}

/** Parameters: of the site, of networks and boards, of one machine, and as a booted system asks for them. */
export function parameterRoutes(deps: HttpDeps): readonly Route[] {
  return [...siteRoutes(deps), ...declarationRoutes(deps), ...machineRoutes(deps), agentRoute(deps)];
}

function siteRoutes({ parameters }: HttpDeps): readonly Route[] {
  return [
    route('GET /api/v1/parameters', {
      ...PLAIN,
      summary: 'All parameters there are, and every value that is set',
      answers: { 200: z.object({ declarations: z.array(declarationView), settings: z.array(settingView) }) },
      run: async () => {
        const [declarations, settings] = await Promise.all([parameters.declarations(), parameters.settings()]);
        return json({
          declarations: declarations.map(viewOfDeclaration),
          settings: settings.map(viewOfSetting),
        });
      },
    }),
    route('PUT /api/v1/parameters/{name}/value', {
      query: NO_FIELDS,
      body: parameterSetting,
      summary: 'Sets a value for the site, a network or a board',
      answers: { 204: undefined },
      run: async ({ part, body, by }) =>
        answerParameter(await parameters.set(targetOf(body), part('name'), body.value, by), () => EMPTY),
    }),
    route('DELETE /api/v1/parameters/{name}/value', {
      query: farAwayQuery,
      body: NO_FIELDS,
      summary: 'Unsets a value of the site, a network or a board',
      answers: { 204: undefined },
      run: async ({ part, query, by }) =>
        answerParameter(await parameters.unset(targetOf(query), part('name'), by), () => EMPTY),
    }),
  ];
}

function targetOf(place: {
  readonly scope: 'site' | 'network' | 'board';
  readonly subject?: string | undefined;
}): ParameterTarget {
  if (place.scope === 'site') return { scope: 'site' };
  return { scope: place.scope, subject: place.subject ?? '' };
}

function declarationRoutes({ parameters }: HttpDeps): readonly Route[] {
  return [
    route('PUT /api/v1/parameters/{name}', {
      query: NO_FIELDS,
      body: parameterWish,
      summary: 'Declares a parameter of your own, with its type',
      answers: { 204: undefined },
      run: async ({ part, body, by }) => {
        const { type, meaning, unit, choices, min, max, word } = body;
        const wish = { name: part('name'), type, meaning, unit, choices, min, max, word };
        return answerParameter(await parameters.declare(wish, by), () => EMPTY);
      },
    }),
    route('DELETE /api/v1/parameters/{name}', {
      ...PLAIN,
      summary: 'Takes a declaration of your own back; its values must be unset before',
      answers: { 204: undefined },
      run: async ({ part, by }) => answerParameter(await parameters.undeclare(part('name'), by), () => EMPTY),
    }),
  ];
}

function machineRoutes(deps: HttpDeps): readonly Route[] {
  const { parameters, machines } = deps;
  const tell = async (ref: string): Promise<Answer> => {
    const machine = await machines.find(ref);
    return machine ? tellMachine(deps, machine) : noMachine(ref);
  };
  const place = (ref: string, once: boolean): ParameterTarget => ({ scope: once ? 'once' : 'machine', subject: ref });
  return [
    route('GET /api/v1/machines/{ref}/parameters', {
      ...PLAIN,
      summary: 'What counts for its next boot, each value with its origin and what it counts in place of',
      answers: { 200: machineParameters },
      run: ({ part }) => tell(part('ref')),
    }),
    route('PUT /api/v1/machines/{ref}/parameters/{name}', {
      query: NO_FIELDS,
      body: nearSetting,
      summary: 'Sets a value for one machine, or for its next boot only',
      answers: { 200: machineParameters },
      run: async ({ part, body, by }) => {
        const outcome = await parameters.set(place(part('ref'), body.once), part('name'), body.value, by);
        return answerParameter(outcome, () => tell(part('ref')));
      },
    }),
    route('DELETE /api/v1/machines/{ref}/parameters/{name}', {
      query: nearQuery,
      body: NO_FIELDS,
      summary: 'Unsets a value of one machine, or of its next boot',
      answers: { 200: machineParameters },
      run: async ({ part, query, by }) => {
        const outcome = await parameters.unset(place(part('ref'), query.once === 'true'), part('name'), by);
        return answerParameter(outcome, () => tell(part('ref')));
      },
    }),
  ];
}

async function tellMachine(deps: HttpDeps, machine: Machine): Promise<Answer> {
  const counting = await deps.parameters.ofMachine(machine);
  const explained = await deps.explain({ ref: machine.id });
  return json({
    parameters: counting.map(viewOfEffective),
    findings: explained.is === 'done' ? explained.explanation.findings : [],
  });
}

/** What counts for the boot whose token asks: as JSON, or as assignments a shell may source. */
function agentRoute({ enlist, parameters }: HttpDeps): Route {
  return route('GET /agent/v1/parameters', {
    query: parametersQuery,
    body: NO_FIELDS,
    summary: 'The parameters of the boot under way; ?as=shell gives assignments for sh',
    answers: { 200: z.object({ parameters: z.record(z.string(), parameterValueView) }) },
    run: async ({ query, request, from, response }) => {
      const whose = await enlist.whoseBoot(bearerOf(request) ?? '', addressOf(from));
      if (whose.is !== 'boot') return answerAgent(whose);
      const counting = await parameters.ofBoot(whose.machine, whose.boot.id);
      if (query.as !== 'shell')
        return json({ parameters: Object.fromEntries(counting.map((each) => [each.declaration.name, each.value])) });
      response.type('text/plain; charset=utf-8').send(counting.map(shellLine).join(''));
      return { is: 'own' };
    },
  });
}

/** `FARRIER_DEBUG_STAY='true'`: single quotes, in which a shell changes nothing; a quote itself leaves and comes back. */
function shellLine({ declaration, value: given }: EffectiveParameter): string {
  return `${shellName(declaration.name)}='${valueText(given).replaceAll("'", "'\\''")}'\n`;
}
