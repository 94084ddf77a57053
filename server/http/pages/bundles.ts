import { bundleRef, type Bundle } from '../../core/bundle.ts';
import { countsOf, findInContents, type BundleContents } from '../../core/bundle-contents.ts';
import { channelRef, type Channel, type ChannelMove } from '../../core/channel.ts';
import type { Machine } from '../../core/machine.ts';
import { noBundle } from '../../services/bundles.ts';
import type { HttpDeps } from '../deps.ts';
import { suffices } from '../rights.ts';
import { NO_FIELDS, PAGE, html, problem, route, type Route } from '../route.ts';
import { bundleQuery } from '../schemas.ts';
import type { Frame, Pages } from './render.ts';
import { moment, octetWords, spanWords } from './words.ts';

interface Parts {
  readonly deps: HttpDeps;
  readonly pages: Pages;
}

const NAMES_SHOWN_MAX = 200;
const MOVES_SHOWN_MAX = 50;

/** What machines can boot: all bundles with their channels, and one bundle with what is in it. */
export function bundlePages(parts: Parts): readonly Route[] {
  return [bundlesPage(parts), oneBundlePage(parts)];
}

function bundlesPage({ deps, pages }: Parts): Route {
  return route('GET /bundles', {
    ...PAGE,
    summary: 'What machines can boot',
    answers: { 200: undefined },
    run: async ({ who }) => {
      const [all, channels, machines] = await Promise.all([
        deps.bundles.list(),
        deps.channels.list(),
        deps.store.machines.list(),
      ]);
      const bundles = [...all]
        .sort((a, b) => b.createdMs - a.createdMs)
        .map((bundle) => viewOfBundle(bundle, channels, machines));
      const frame: Frame = { title: 'Bundles', at: 'bundles', who, stream: undefined };
      const content = {
        bundles,
        channels: channels.map((channel) => viewOfChannel(channel, machines)),
        moves: [...(await deps.channels.history())].reverse().slice(0, MOVES_SHOWN_MAX).map(viewOfMove),
        trials: trialsOf(deps, machines),
        behind: (await deps.kernelReport()).filter((each) => each.verdict === 'older'),
        canOperate: suffices(who?.role, 'operator'),
      };
      return html(pages.page('bundles.njk', frame, content));
    },
  });
}

function viewOfBundle(bundle: Bundle, channels: readonly Channel[], machines: readonly Machine[]) {
  const ref = bundleRef(bundle);
  return {
    ...bundle,
    ref,
    path: encodeURIComponent(ref),
    created: moment(bundle.createdMs),
    files: [bundle.kernel, ...(bundle.initrd ? [bundle.initrd] : [])].map((file) => ({
      ...file,
      octets: octetWords(file.octets),
    })),
    channels: channels.filter((each) => bundleRef(each) === ref).map((each) => each.channel),
    users: machines.filter((machine) => machine.bundle === ref).map((machine) => machine.name),
  };
}

function viewOfChannel(channel: Channel, machines: readonly Machine[]) {
  const ref = channelRef(channel);
  return {
    ...channel,
    ref,
    path: encodeURIComponent(ref),
    since: moment(channel.sinceMs),
    users: machines.filter((machine) => machine.bundle === ref).map((machine) => machine.name),
  };
}

function viewOfMove(move: ChannelMove) {
  return { ...move, ref: channelRef(move), at: moment(move.atMs), undone: move.undoneMs && moment(move.undoneMs) };
}

function trialsOf(deps: HttpDeps, machines: readonly Machine[]) {
  return deps.tries.list().map((attempt) => ({
    ...attempt,
    name: machines.find((machine) => machine.id === attempt.machine)?.name ?? attempt.machine,
    within: spanWords(attempt.withinMs),
    ends: attempt.endsMs === undefined ? undefined : moment(attempt.endsMs),
  }));
}

function oneBundlePage({ deps, pages }: Parts): Route {
  return route('GET /bundles/{ref}', {
    query: bundleQuery,
    body: NO_FIELDS,
    summary: 'One bundle and what is in it',
    answers: { 200: undefined },
    run: async ({ part, query, who }) => {
      const ref = part('ref');
      const [bundle, contents] = await Promise.all([deps.bundles.byRef(ref), deps.bundles.contents(ref)]);
      if (!bundle) return problem(404, 'unknown-bundle', noBundle(ref).because);
      const frame: Frame = { title: ref, at: 'bundles', who, stream: undefined };
      const [channels, machines] = await Promise.all([deps.channels.list(), deps.store.machines.list()]);
      const find = query.find ?? '';
      const content = {
        bundle: viewOfBundle(bundle, channels, machines),
        contents: contents && viewOfContents(contents, find),
        find,
        canOperate: suffices(who?.role, 'operator'),
      };
      return html(pages.page('bundle.njk', frame, content));
    },
  });
}

const TITLES = {
  config: 'Kernel configuration',
  modules: 'Modules of its package',
  builtIn: 'Built into the kernel',
  initrdModules: 'Modules in the initrd',
  programs: 'Programs in the initrd',
} as const;

function viewOfContents(contents: BundleContents, find: string) {
  const found = findInContents(contents, find, NAMES_SHOWN_MAX + 1);
  const counts = countsOf(contents);
  const part = (kind: keyof typeof TITLES) => ({
    title: TITLES[kind],
    count: counts[kind],
    names: found[kind].slice(0, NAMES_SHOWN_MAX),
    isCut: found[kind].length > NAMES_SHOWN_MAX,
  });
  return {
    ...contents,
    packages: contents.packages.map((each) => ({ ...each, octets: octetWords(each.octets) })),
    parts: [part('programs'), part('initrdModules'), part('modules'), part('builtIn'), part('config')],
  };
}
