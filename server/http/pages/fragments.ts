import type { BootRecord, FarrierEvent } from '../../core/event.ts';
import { REST_STATES } from '../../core/lifecycle.ts';
import type { Machine } from '../../core/machine.ts';
import type { PowerDriver } from '../../ports/power-driver.ts';
import type { HttpDeps } from '../deps.ts';
import { viewMachines } from '../read-machines.ts';
import type { MachineView } from '../views.ts';
import { factLines, hardwareOf, nextBootOf, type NextBoot } from './machine.ts';
import { parameterPanel } from './parameters.ts';
import { boardChoices, countsOf, markOf, rowOf, toneOf } from './rack.ts';
import type { Pages } from './render.ts';
import { bootsOf, historyOf, type BootView } from './timeline.ts';
import { moment } from './words.ts';

/** One piece of a page, found again by its id. `into` says where a piece that is not there yet belongs. */
export interface Fragment {
  readonly id: string;
  readonly into: string | undefined;
  readonly html: string;
}

type Deps = Pick<
  HttpDeps,
  | 'store'
  | 'power'
  | 'explain'
  | 'clock'
  | 'boards'
  | 'bundles'
  | 'drivers'
  | 'machines'
  | 'parameters'
  | 'verdicts'
  | 'powerPollS'
>;

/** What whoever looks on may do. */
export interface Looker {
  readonly canOperate: boolean;
  readonly isAdmin: boolean;
}

function driverOf(deps: Pick<Deps, 'drivers'>, view: MachineView): PowerDriver | undefined {
  return view.power && deps.drivers.byName(view.power.driver);
}

/** A machine as a row of the rack, or as a card among those that wait to be accepted. */
export function machineFragment(deps: Deps, pages: Pages, view: MachineView, canOperate: boolean): Fragment {
  const row = rowOf(view, driverOf(deps, view), deps.powerPollS);
  if (view.state !== 'new') {
    const html = pages.part('parts/row.njk', markOf(row, canOperate), { row, canOperate });
    return { id: `row-${view.id}`, into: 'rack-rows', html };
  }
  const boards = boardChoices(deps.boards.list());
  const card = { ...row, firstSeen: moment(view.createdMs) };
  const html = pages.part('parts/candidate.njk', markOf(card, boards, canOperate), { row: card, boards, canOperate });
  return { id: `new-${view.id}`, into: 'new-cards', html };
}

/** The line of counts above the rack. */
export function countsFragment(pages: Pages, machines: readonly Pick<MachineView, 'state'>[]): Fragment {
  const counts = countsOf(machines);
  const content = { counts, total: machines.length };
  return { id: 'counts', into: undefined, html: pages.part('parts/counts.njk', markOf(counts), content) };
}

/** What operators should know of the networks, above the rack. */
export function noticesFragment(deps: Pick<HttpDeps, 'notices'>, pages: Pages): Fragment {
  const notices = deps.notices?.() ?? [];
  return { id: 'notices', into: undefined, html: pages.part('parts/notices.njk', markOf(notices), { notices }) };
}

async function nextBoot(deps: Deps, machine: Machine): Promise<NextBoot | undefined> {
  const outcome = await deps.explain({ ref: machine.id });
  return outcome.is === 'done' ? nextBootOf(outcome.explanation) : undefined;
}

function drawBoot(pages: Pages, boot: BootView, isNewest: boolean, link: string | undefined): Fragment {
  const html = pages.part('parts/boot.njk', markOf(boot, isNewest, link), { boot, isNewest, link });
  return { id: `boot-${boot.id}`, into: 'boots', html };
}

/** One boot, open, whichever it is, for a page of its own. */
export async function bootFragment(deps: Deps, pages: Pages, machine: Machine, boot: BootRecord): Promise<Fragment> {
  const own = await deps.store.events.list({ boot: boot.id, limit: 3000 });
  const ofMachine = await deps.store.events.list({ machine: machine.id, limit: 3000 });
  const events = [...new Map([...ofMachine, ...own].map((event) => [event.id, event])).values()];
  const inOrder = events.sort((a, b) => a.id - b.id);
  const [view] = bootsOf([boot], inOrder, (each) => deps.verdicts.of(each));
  if (!view) throw new Error('a boot without a view');
  return drawBoot(pages, view, true, undefined);
}

async function timelineFragments(deps: Deps, pages: Pages, machine: Machine): Promise<readonly Fragment[]> {
  const boots = await deps.store.boots.ofMachine(machine.id, 8);
  const events = await deps.store.events.list({ machine: machine.id, limit: 3000 });
  const views = bootsOf(boots, events, (boot) => deps.verdicts.of(boot));
  const newest = views[0]?.id;
  const parts = views.map((boot) =>
    drawBoot(pages, boot, boot.id === newest, `/machines/${encodeURIComponent(machine.name)}/boots/${boot.id}`),
  );
  const history = historyOf(events, 40);
  return [
    ...parts,
    { id: 'history', into: undefined, html: pages.part('parts/history.njk', markOf(history), { history }) },
  ];
}

function summaryFragment(deps: Deps, pages: Pages, view: MachineView, looker: Looker): Fragment {
  const row = rowOf(view, driverOf(deps, view), deps.powerPollS);
  const content = {
    row,
    ...looker,
    tone: toneOf(view.state),
    canAbort: view.deadlineMs !== undefined || view.underWay !== undefined,
    restStates: REST_STATES.filter((state) => state !== view.state),
  };
  return { id: 'summary', into: undefined, html: pages.part('parts/summary.njk', markOf(content), content) };
}

/** Whether an event can change what the next boot gets, so that the whole explanation is worth asking for again. */
export function changesNextBoot(event: FarrierEvent): boolean {
  return event.kind === 'edit' || event.kind === 'state' || event.kind === 'boot' || event.kind === 'agent';
}

async function parametersFragment(deps: Deps, pages: Pages, machine: Machine, canOperate: boolean): Promise<Fragment> {
  const { parameters } = deps;
  const panel = parameterPanel(await parameters.declarations(), await parameters.ofMachine(machine));
  const content = { ...panel, id: machine.id, canOperate };
  return { id: 'parameters', into: undefined, html: pages.part('parts/parameters.njk', markOf(content), content) };
}

/** The live pieces of a machine's page. */
export async function machinePageFragments(
  deps: Deps,
  pages: Pages,
  machine: Machine,
  options: Looker & { readonly withNextBoot: boolean },
): Promise<readonly Fragment[]> {
  const [view] = await viewMachines(deps, [machine]);
  if (!view) return [];
  const { canOperate, isAdmin } = options;
  const summary = summaryFragment(deps, pages, view, { canOperate, isAdmin });
  const timeline = await timelineFragments(deps, pages, machine);
  if (!options.withNextBoot) return [summary, ...timeline];
  const next = await nextBoot(deps, machine);
  const { recognised, macs } = view;
  const facts = { lines: factLines(view), hardware: hardwareOf(view), view: { recognised, macs } };
  return [
    summary,
    { id: 'next-boot', into: undefined, html: pages.part('parts/next-boot.njk', markOf(next), { next }) },
    await parametersFragment(deps, pages, machine, canOperate),
    { id: 'facts', into: undefined, html: pages.part('parts/facts.njk', markOf(facts), facts) },
    ...timeline,
  ];
}
