import type { HttpDeps } from '../deps.ts';
import { byName, viewMachines } from '../read-machines.ts';
import { PAGE, html, route, type Route } from '../route.ts';
import { verdictView } from './boot-verdict.ts';
import type { Fragment } from './fragments.ts';
import { markOf } from './rack.ts';
import type { Frame, Pages } from './render.ts';
import { wallOf, type WallMachine } from './wall.ts';

type Deps = Pick<HttpDeps, 'store' | 'power' | 'explain' | 'clock' | 'verdicts'>;

async function wallMachines(deps: Deps): Promise<readonly WallMachine[]> {
  const accepted = (await deps.store.machines.list()).filter((machine) => machine.state !== 'new');
  const views = await viewMachines(deps, [...accepted].sort(byName));
  const boots = await Promise.all(accepted.map((machine) => deps.store.boots.ofMachine(machine.id, 1)));
  const newest = new Map(boots.flatMap(([boot]) => (boot ? [[String(boot.machine), boot] as const] : [])));
  return views.map((view) => {
    const boot = newest.get(view.id);
    return { view, boot: boot && verdictView(deps.verdicts.of(boot)) };
  });
}

/** The live pieces of the wall: the counts, each rack, and the tray of machines that sit in none. */
export async function wallFragments(deps: Deps, pages: Pages): Promise<readonly Fragment[]> {
  const { racks, tray, counts } = wallOf(await wallMachines(deps));
  return [
    { id: 'wall-counts', into: undefined, html: pages.part('parts/wall-counts.njk', markOf(counts), { counts }) },
    ...racks.map((rack) => ({
      id: rack.id,
      into: 'wall-racks',
      html: pages.part('parts/wall-rack.njk', markOf(rack), { rack }),
    })),
    { id: 'wall-tray', into: undefined, html: pages.part('parts/wall-tray.njk', markOf(tray), { tray }) },
  ];
}

/** The racks as they stand in the lab, to be read from the other side of the room. */
export function wallPage({ deps, pages }: { readonly deps: HttpDeps; readonly pages: Pages }): Route {
  return route('GET /rack', {
    ...PAGE,
    summary: 'The racks as they stand in the lab',
    answers: { 200: undefined },
    run: async ({ who }) => {
      const fragments = await wallFragments(deps, pages);
      const one = (id: string): string => fragments.find((each) => each.id === id)?.html ?? '';
      const racks = fragments.filter((each) => each.into === 'wall-racks').map((each) => each.html);
      const frame: Frame = { title: 'Wall', at: 'wall', who, stream: '/events/rows?view=wall' };
      return html(pages.page('wall.njk', frame, { racks, counts: one('wall-counts'), tray: one('wall-tray') }));
    },
  });
}
