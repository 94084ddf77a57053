import { z } from 'zod';
import type { Machine } from '../../core/machine.ts';
import type { MachineEdit } from '../../services/machine-edit.ts';
import type { HttpDeps } from '../deps.ts';
import { byName, viewMachines, viewOneMachine } from '../read-machines.ts';
import { EMPTY, NO_FIELDS, PLAIN, json, route, type Answer, type Route } from '../route.ts';
import { forceOrder, forceQuery, machineEdit, timelineQuery } from '../schemas.ts';
import { bootView, viewOfBoot } from '../boot-view.ts';
import { eventView, explanationView, machineView } from '../views.ts';
import { answerExplain, answerMachine, noMachine } from './outcomes.ts';

/** Keeps only the fields that were given: for the service an absent field is not one that is undefined. */
function given(edit: z.output<typeof machineEdit>): MachineEdit {
  return {
    ...(edit.name === undefined ? {} : { name: edit.name }),
    ...(edit.board === undefined ? {} : { board: edit.board }),
    ...(edit.bundle === undefined ? {} : { bundle: edit.bundle }),
    ...(edit.extraArgs === undefined ? {} : { extraArgs: edit.extraArgs }),
    ...(edit.dtb === undefined ? {} : { dtb: edit.dtb }),
    ...(edit.overlays === undefined ? {} : { overlays: edit.overlays }),
    ...(edit.reserved === undefined ? {} : { reserved: edit.reserved }),
    ...(edit.macs === undefined ? {} : { macs: edit.macs }),
    ...(edit.rack === undefined ? {} : { rack: edit.rack }),
    ...(edit.slot === undefined ? {} : { slot: edit.slot }),
  };
}

/** Machines: lists, edits and the lifecycle. */
export function machineRoutes(deps: HttpDeps): readonly Route[] {
  return [...readingRoutes(deps), ...changingRoutes(deps), ...lifecycleRoutes(deps)];
}

function readingRoutes(deps: HttpDeps): readonly Route[] {
  const { machines, store } = deps;
  return [
    route('GET /api/v1/machines', {
      ...PLAIN,
      summary: 'All machines, by name',
      answers: { 200: z.object({ machines: z.array(machineView) }) },
      run: async () => {
        const all = [...(await store.machines.list())].sort(byName);
        return json({ machines: await viewMachines(deps, all) });
      },
    }),
    route('GET /api/v1/machines/{ref}', {
      ...PLAIN,
      summary: 'One machine, with what its next boot gets',
      answers: { 200: machineView },
      run: async ({ part }) => {
        const machine = await machines.find(part('ref'));
        return machine ? json(await viewOneMachine(deps, machine)) : noMachine(part('ref'));
      },
    }),
    route('GET /api/v1/machines/{ref}/timeline', {
      query: timelineQuery,
      body: NO_FIELDS,
      summary: 'Its boots, newest first, and its events, oldest first',
      answers: { 200: z.object({ boots: z.array(bootView), events: z.array(eventView) }) },
      run: async ({ part, query }) => {
        const machine = await machines.find(part('ref'));
        if (!machine) return noMachine(part('ref'));
        const boots = (await store.boots.ofMachine(machine.id, 50)).filter(
          (boot) => query.boot === undefined || boot.id === query.boot,
        );
        const which = query.boot === undefined ? {} : { boot: query.boot };
        const events = await store.events.list({ machine: machine.id, ...which, limit: query.limit ?? 500 });
        return json({ boots: boots.map((boot) => viewOfBoot(boot, deps.verdicts.of(boot))), events });
      },
    }),
    route('GET /api/v1/machines/{ref}/explain', {
      ...PLAIN,
      summary: 'What its next boot gets, without powering anything',
      answers: { 200: explanationView },
      run: async ({ part }) => {
        const machine = await machines.find(part('ref'));
        return machine ? answerExplain(await deps.explain({ ref: machine.id })) : noMachine(part('ref'));
      },
    }),
  ];
}

function tellMachine(deps: HttpDeps): (machine: Machine) => Promise<Answer> {
  return async (machine) => json(await viewOneMachine(deps, machine));
}

function changingRoutes(deps: HttpDeps): readonly Route[] {
  const tell = tellMachine(deps);
  return [
    route('PATCH /api/v1/machines/{ref}', {
      query: NO_FIELDS,
      body: machineEdit,
      summary: 'Changes what an operator may change',
      answers: { 200: machineView },
      run: async ({ part, body, by }) => answerMachine(await deps.machines.edit(part('ref'), given(body), by), tell),
    }),
    route('POST /api/v1/machines/{ref}/accept', {
      query: NO_FIELDS,
      body: machineEdit,
      summary: 'Accepts a new machine, with edits in the same step',
      answers: { 200: machineView },
      run: async ({ part, body, by }) => answerMachine(await deps.machines.accept(part('ref'), given(body), by), tell),
    }),
    route('DELETE /api/v1/machines/{ref}', {
      query: forceQuery,
      body: NO_FIELDS,
      summary: 'Forgets a machine that is new, ready, broken or retired; any with force',
      answers: { 204: undefined },
      run: async ({ part, query, by }) =>
        answerMachine(await deps.machines.remove(part('ref'), query.force === 'true', by), () => EMPTY),
    }),
  ];
}

function lifecycleRoutes(deps: HttpDeps): readonly Route[] {
  const tell = tellMachine(deps);
  return [
    route('POST /api/v1/machines/{ref}/abort', {
      ...PLAIN,
      summary: 'Stops the work under way',
      answers: { 200: machineView },
      run: async ({ part, by }) => {
        const outcome = await deps.machines.abort(part('ref'), by);
        if (outcome.is === 'done') deps.power.abort(outcome.machine);
        return answerMachine(outcome, tell);
      },
    }),
    route('POST /api/v1/machines/{ref}/force', {
      query: NO_FIELDS,
      body: forceOrder,
      summary: 'Puts it into a rest state, with the reason',
      answers: { 200: machineView },
      run: async ({ part, body, by }) =>
        answerMachine(await deps.machines.force(part('ref'), body.to, body.because, by), tell),
    }),
  ];
}
