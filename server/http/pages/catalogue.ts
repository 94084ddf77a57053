import { formatIpv4, formatSubnet } from '../../core/address.ts';
import { LIFECYCLE, STATES, next, lawfulEvents } from '../../core/lifecycle.ts';
import type { HttpDeps } from '../deps.ts';
import { byName } from '../read-machines.ts';
import { PAGE, html, route, type Route } from '../route.ts';
import { bundlePages } from './bundles.ts';
import { driversPage } from './drivers.ts';
import { lifecyclePicture } from './lifecycle-picture.ts';
import { toneOf } from './rack.ts';
import { boardPages } from './boards.ts';
import type { Frame, Pages } from './render.ts';
import { moment, spanWords } from './words.ts';

interface Parts {
  readonly deps: HttpDeps;
  readonly pages: Pages;
}

/** Boards, bundles, leases, users and help: pages without a live stream. */
export function cataloguePages(parts: Parts): readonly Route[] {
  return [
    ...boardPages(parts),
    ...bundlePages(parts),
    driversPage(parts),
    leasesPage(parts),
    usersPage(parts),
    helpPage(parts),
  ];
}

function leasesPage({ deps, pages }: Parts): Route {
  return route('GET /leases', {
    ...PAGE,
    summary: 'Addresses and who has them',
    answers: { 200: undefined },
    run: async ({ who }) => {
      const names = new Map((await deps.store.machines.list()).flatMap(({ macs, name }) => macs.map((m) => [m, name])));
      const nowMs = deps.clock.now();
      const leases = [...(await deps.store.leases.list())]
        .sort((a, b) => a.address - b.address)
        .map((lease) => ({
          ...lease,
          address: formatIpv4(lease.address),
          machine: names.get(lease.mac),
          expires: moment(lease.expiresMs),
          isOver: lease.expiresMs <= nowMs,
        }));
      const networks = deps.networks.map((network) => ({
        ...network,
        subnet: formatSubnet(network.subnet),
        address: formatIpv4(network.address),
        pools: network.pools.map((pool) => `${formatIpv4(pool.first)} – ${formatIpv4(pool.last)}`),
        size: network.pools.reduce((sum, pool) => sum + pool.last - pool.first + 1, 0),
        used: leases.filter((lease) => lease.network === network.name && !lease.isOver && lease.state !== 'released')
          .length,
      }));
      const frame: Frame = { title: 'Leases', at: 'leases', who, stream: undefined };
      return html(pages.page('leases.njk', frame, { leases, networks }));
    },
  });
}

function usersPage({ deps, pages }: Parts): Route {
  return route('GET /users', {
    ...PAGE,
    summary: 'Who may log in',
    answers: { 200: undefined },
    run: async ({ who }) => {
      const users = [...(await deps.users.list())].sort(byName);
      const frame: Frame = { title: 'Users', at: 'users', who, stream: undefined };
      return html(pages.page('users.njk', frame, { users }));
    },
  });
}

function helpPage({ pages }: Parts): Route {
  const states = STATES.map((state) => {
    const row = LIFECYCLE[state];
    return {
      state,
      tone: toneOf(state),
      rests: row.rest,
      deadline: row.rest ? undefined : spanWords(row.deadlineS * 1000),
      falls: row.rest ? undefined : row.falls,
      ways: lawfulEvents(state)
        .filter((event) => Object.keys(row.on).includes(event))
        .map((event) => {
          const to = next(state, event);
          return { event, to: to.ok ? to.value : state };
        }),
    };
  });
  return route('GET /help', {
    ...PAGE,
    summary: 'Words, keys and the life of a machine',
    answers: { 200: undefined },
    run: ({ who }) => {
      const frame: Frame = { title: 'Help', at: 'help', who, stream: undefined };
      return html(pages.page('help.njk', frame, { states, picture: lifecyclePicture() }));
    },
  });
}
