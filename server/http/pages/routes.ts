import type { Machine } from '../../core/machine.ts';
import { bundleRef } from '../../core/bundle.ts';
import { channelRef } from '../../core/channel.ts';
import type { Who } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import type { PageHub } from '../live/page-hub.ts';
import { openStream, type StreamSet } from '../live/sse.ts';
import { byName, viewMachines } from '../read-machines.ts';
import { suffices } from '../rights.ts';
import { NO_FIELDS, PAGE, html, problem, route, type Route } from '../route.ts';
import { loginQuery, rowsQuery } from '../schemas.ts';
import { bootPage } from './boot-page.ts';
import { consolePage } from './console-page.ts';
import { cataloguePages } from './catalogue.ts';
import { countsFragment, machineFragment, machinePageFragments, noticesFragment } from './fragments.ts';
import { lifecyclePicture } from './lifecycle-picture.ts';
import { settingForms, type Given } from './machine.ts';
import { boardChoices, toneOf } from './rack.ts';
import type { Frame, Pages } from './render.ts';
import { wallPage } from './wall-page.ts';

/** What the pages are made with. */
export interface PageParts {
  readonly deps: HttpDeps;
  readonly pages: Pages;
  readonly hub: PageHub;
  readonly streams: StreamSet;
}

/** Only a path of our own may follow a log-in: no scheme, no other host, no backslash that browsers read as a slash. */
export function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[^\\\p{Cc}]*$/u.test(next) ? next : '/';
}

/** The web pages and their live stream. */
export function pageRoutes(parts: PageParts): readonly Route[] {
  return [
    rackPage(parts),
    machinePage(parts),
    bootPage(parts),
    consolePage(parts),
    wallPage(parts),
    liveRoute(parts),
    loginPage(parts),
    ...cataloguePages(parts),
  ];
}

function rackPage({ deps, pages }: PageParts): Route {
  return route('GET /', {
    ...PAGE,
    summary: 'The rack',
    answers: { 200: undefined },
    run: async ({ who }) => {
      const canOperate = suffices(who?.role, 'operator');
      const views = await viewMachines(deps, [...(await deps.store.machines.list())].sort(byName));
      const rows = views.filter((view) => view.state !== 'new');
      const newest = views.filter((view) => view.state === 'new').sort((a, b) => b.createdMs - a.createdMs);
      const fragments = [...newest, ...rows].map((view) => machineFragment(deps, pages, view, canOperate));
      const of = (into: string): readonly string[] =>
        fragments.filter((each) => each.into === into).map((each) => each.html);
      const frame: Frame = { title: 'Rack', at: 'rack', who, stream: '/events/rows' };
      const counts = countsFragment(pages, views).html;
      const networks = deps.networks.map((network) => network.name);
      const notices = noticesFragment(deps, pages).html;
      const content = { rows: of('rack-rows'), cards: of('new-cards'), counts, notices, networks };
      return html(pages.page('rack.njk', frame, content));
    },
  });
}

function machinePage(parts: PageParts): Route {
  const { deps, pages } = parts;
  return route('GET /machines/{ref}', {
    ...PAGE,
    summary: 'One machine',
    answers: { 200: undefined },
    run: async ({ part, who }) => {
      const machine = await deps.machines.find(part('ref'));
      if (!machine) return problem(404, 'unknown-machine', `no machine "${part('ref').slice(0, 80)}"`);
      const stream = `/events/rows?machine=${encodeURIComponent(machine.id)}`;
      const frame: Frame = { title: machine.name, at: 'rack', who, stream };
      return html(pages.page('machine.njk', frame, await machineContent(parts, machine, who)));
    },
  });
}

async function machineContent({ deps, pages }: PageParts, machine: Machine, who: Who | undefined): Promise<object> {
  const looker = { canOperate: suffices(who?.role, 'operator'), isAdmin: suffices(who?.role, 'admin') };
  const fragments = await machinePageFragments(deps, pages, machine, { ...looker, withNextBoot: true });
  const one = (id: string): string => fragments.find((each) => each.id === id)?.html ?? '';
  const bundles = (await deps.bundles.list())
    .filter((bundle) => bundle.role === 'system' && (machine.arch === undefined || bundle.arch === machine.arch))
    .map((bundle) => ({ ref: bundleRef(bundle), arch: bundle.arch }));
  const channels = (await deps.channels.list()).map(channelRef);
  const secretsSet = await deps.machines.secretsSet(machine.id);
  const { power } = machine;
  const [view] = await viewMachines(deps, [machine]);
  return {
    machine: view,
    ...looker,
    tone: toneOf(machine.state),
    summary: one('summary'),
    nextBoot: one('next-boot'),
    facts: one('facts'),
    parameters: one('parameters'),
    history: one('history'),
    boots: fragments.filter((each) => each.into === 'boots').map((each) => each.html),
    boards: boardChoices(deps.boards.list()),
    bundles,
    channels,
    trial: deps.tries.of(machine.id),
    drivers: settingForms(deps.drivers.list(), power && { name: power.driver, ...power }, secretsSet),
    ...(await consoleContent(deps, machine, who)),
    picture: lifecyclePicture(),
  };
}

async function consoleContent({ consoles }: HttpDeps, machine: Machine, who: Who | undefined): Promise<object> {
  const { setting, secretsSet } = await consoles.setting(machine);
  const given: Given | undefined = setting && { name: setting.transport, ...setting };
  return {
    console: { setting },
    transports: settingForms(consoles.transports(), given, secretsSet),
    canReadConsole: suffices(who?.role, 'console-read', who?.console),
  };
}

function liveRoute({ deps, hub, streams }: PageParts): Route {
  return route('GET /events/rows', {
    query: rowsQuery,
    body: NO_FIELDS,
    summary: 'Keeps an open page in step',
    answers: { 200: undefined },
    run: async ({ query, who, whoNow, request, response }) => {
      if (streams.isFull) return problem(503, 'too-many-streams', 'too many open pages; close some');
      const machine = query.machine === undefined ? undefined : await deps.machines.find(query.machine);
      if (query.machine !== undefined && !machine) return problem(404, 'unknown-machine', 'no such machine');
      const role = who?.role;
      const stream = openStream(request, response, deps.clock, async () => (await whoNow())?.role === role);
      streams.add(stream);
      const looker = { canOperate: suffices(role, 'operator'), isAdmin: suffices(role, 'admin') };
      const { canOperate } = looker;
      if (machine) hub.attach(stream, { is: 'machine', id: machine.id, ...looker });
      else hub.attach(stream, query.view === 'wall' ? { is: 'wall' } : { is: 'rack', canOperate });
      return { is: 'own' };
    },
  });
}

function loginPage({ pages }: PageParts): Route {
  return route('GET /login', {
    query: loginQuery,
    body: NO_FIELDS,
    summary: 'Log in',
    answers: { 200: undefined },
    run: ({ query }) => {
      const frame: Frame = { title: 'Log in', at: 'none', who: undefined, stream: undefined };
      return html(pages.page('login.njk', frame, { next: safeNext(query.next) }));
    },
  });
}
