import type { HttpDeps } from '../deps.ts';
import { PAGE, html, problem, route, type Route } from '../route.ts';
import type { Frame, Pages } from './render.ts';
import { moment } from './words.ts';

/** Boots one can choose from for a replay. */
const BOOTS_MAX = 50;

interface Parts {
  readonly deps: Pick<HttpDeps, 'machines' | 'store'>;
  readonly pages: Pages;
}

/** The page of a machine's serial line. It holds no octet of it: its script asks the API, as every other client does. */
export function consolePage({ deps, pages }: Parts): Route {
  return route('GET /machines/{ref}/console', {
    ...PAGE,
    summary: 'The serial console of one machine',
    answers: { 200: undefined },
    run: async ({ part, who }) => {
      const machine = await deps.machines.find(part('ref'));
      if (!machine) return problem(404, 'unknown-machine', `no machine "${part('ref').slice(0, 80)}"`);
      const boots = await deps.store.boots.ofMachine(machine.id, BOOTS_MAX);
      const frame: Frame = { title: `Console of ${machine.name}`, at: 'rack', who, stream: undefined };
      const { id, name } = machine;
      const shown = boots.map((boot) => ({ id: boot.id, at: moment(boot.startedMs) }));
      return html(pages.page('console.njk', frame, { machine: { id, name }, boots: shown }));
    },
  });
}
