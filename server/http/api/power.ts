import type { Machine } from '../../core/machine.ts';
import type { PowerVerb } from '../../services/power.ts';
import { orderMany } from '../../services/power-many.ts';
import type { Forcing } from '../../services/power-outcome.ts';
import type { Who } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import type { Operation } from '../rights.ts';
import { NO_FIELDS, PLAIN, json, problem, route, type Answer, type Route } from '../route.ts';
import { bootdevOrder, identifyOrder, powerChoice, powerOrder, powerOrders, sayOrder } from '../schemas.ts';
import { powerOrdersView, powerOutcome, powerView } from '../views.ts';
import { answerMachine, answerPower, noMachine } from './outcomes.ts';

type Deps = Pick<HttpDeps, 'machines' | 'power' | 'store' | 'log'>;

async function withMachine(deps: Deps, ref: string, then: (machine: Machine) => Promise<Answer>): Promise<Answer> {
  const machine = await deps.machines.find(ref);
  return machine ? then(machine) : noMachine(ref);
}

async function tellPower(deps: Deps, machine: Machine): Promise<Answer> {
  const secretsSet = await deps.machines.secretsSet(machine.id);
  return json({
    setting: machine.power,
    secretsSet,
    seen: deps.power.seen(machine),
    underWay: deps.power.underWay(machine),
  });
}

const ORDERS = [
  ['POST /api/v1/machines/{ref}/power/on', 'on', 'Switches it on and waits until that has been seen'],
  ['POST /api/v1/machines/{ref}/power/off', 'off', 'Switches it off and waits until that has been seen'],
  ['POST /api/v1/machines/{ref}/power/cycle', 'cycle', 'Off, seen off, a pause, on, seen on'],
  ['POST /api/v1/machines/{ref}/power/reset', 'reset', 'Resets it without taking the power away'],
] as const satisfies readonly (readonly [Operation, PowerVerb, string])[];

/** Power: how a machine is switched, and switching it. */
export function powerRoutes(deps: Deps): readonly Route[] {
  return [...settingRoutes(deps), ...orderRoutes(deps)];
}

function settingRoutes(deps: Deps): readonly Route[] {
  const tell = (machine: Machine): Promise<Answer> => tellPower(deps, machine);
  return [
    route('GET /api/v1/machines/{ref}/power', {
      ...PLAIN,
      summary: 'How it is switched, which secrets are set, and what was last seen',
      answers: { 200: powerView },
      run: ({ part }) => withMachine(deps, part('ref'), tell),
    }),
    route('PUT /api/v1/machines/{ref}/power', {
      query: NO_FIELDS,
      body: powerChoice,
      summary: 'Says how it is switched',
      answers: { 200: powerView },
      run: async ({ part, body, by }) => answerMachine(await deps.machines.setPower(part('ref'), body, by), tell),
    }),
    route('DELETE /api/v1/machines/{ref}/power', {
      ...PLAIN,
      summary: 'Forgets how it is switched, secrets included',
      answers: { 200: powerView },
      run: async ({ part, by }) => answerMachine(await deps.machines.setPower(part('ref'), undefined, by), tell),
    }),
  ];
}

/** How far somebody's "all the same" reaches. */
const forcingOf = (who: Who | undefined): Forcing => (who?.role === 'admin' ? 'admin' : 'operator');

function manyRoute(deps: Deps): Route {
  return route('POST /api/v1/power/orders', {
    query: NO_FIELDS,
    body: powerOrders,
    summary: 'Switches many machines, one after another; answers at once, the timelines tell how each order ended',
    answers: { 202: powerOrdersView },
    run: async ({ body, by, who }) => {
      const { machines, network, verb, staggerMs } = body;
      if (machines.length === 0 && network === undefined)
        return problem(400, 'bad-value', 'name machines, or a network whose machines are meant', { field: 'machines' });
      const way = { verb, by, staggerMs, force: body.force ? forcingOf(who) : undefined };
      return json({ orders: await orderMany(deps, { refs: machines, network }, way) }, 202);
    },
  });
}

function orderRoutes(deps: Deps): readonly Route[] {
  const orders = ORDERS.map(([operation, verb, summary]) =>
    route(operation, {
      query: NO_FIELDS,
      body: powerOrder,
      summary,
      answers: { 200: powerOutcome },
      run: ({ part, body, by, who }) =>
        withMachine(deps, part('ref'), async (machine) => {
          const reach = forcingOf(who);
          const way = { force: body.force ? reach : undefined };
          return answerPower(await deps.power.order(machine, verb, by, way), reach);
        }),
    }),
  );
  return [
    ...orders,
    manyRoute(deps),
    route('POST /api/v1/machines/{ref}/power/status', {
      ...PLAIN,
      summary: 'Asks the device now',
      answers: { 200: powerOutcome },
      run: ({ part }) =>
        withMachine(deps, part('ref'), async (machine) => answerPower(await deps.power.status(machine))),
    }),
    route('POST /api/v1/machines/{ref}/power/say', {
      query: NO_FIELDS,
      body: sayOrder,
      summary: 'What a person saw, where the driver cannot see',
      answers: { 200: powerOutcome },
      run: ({ part, body, by }) =>
        withMachine(deps, part('ref'), async (machine) => answerPower(await deps.power.say(machine, body.state, by))),
    }),
    route('POST /api/v1/machines/{ref}/power/bootdev', {
      query: NO_FIELDS,
      body: bootdevOrder,
      summary: 'Sets the device of the next boot only',
      answers: { 200: powerOutcome },
      run: ({ part, body }) =>
        withMachine(deps, part('ref'), async (machine) => answerPower(await deps.power.bootdev(machine, body.device))),
    }),
    route('POST /api/v1/machines/{ref}/power/identify', {
      query: NO_FIELDS,
      body: identifyOrder,
      summary: 'Makes it blink, so that somebody finds it in the rack',
      answers: { 200: powerOutcome },
      run: ({ part, body }) =>
        withMachine(deps, part('ref'), async (machine) => answerPower(await deps.power.identify(machine, body.forS))),
    }),
    route('POST /api/v1/machines/{ref}/power/info', {
      ...PLAIN,
      summary: 'Asks its controller what it says of itself and the chassis',
      answers: { 200: powerOutcome },
      run: ({ part }) => withMachine(deps, part('ref'), async (machine) => answerPower(await deps.power.info(machine))),
    }),
  ];
}
