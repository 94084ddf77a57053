import type { HttpDeps } from '../deps.ts';
import { byName } from '../read-machines.ts';
import { PAGE, html, route, type Route } from '../route.ts';
import type { Frame, Pages } from './render.ts';

/** The power drivers, where each comes from, and the files in driver folders that are none. */
export function driversPage({ deps, pages }: { readonly deps: HttpDeps; readonly pages: Pages }): Route {
  return route('GET /drivers', {
    ...PAGE,
    summary: 'The power drivers',
    answers: { 200: undefined },
    run: ({ who }) => {
      const drivers = [...deps.drivers.list()].sort(byName).map((driver) => ({
        ...{ name: driver.name, summary: driver.summary, abilities: driver.abilities },
        file: deps.drivers.fileOf(driver.name),
        fields: Object.values(driver.fields).map((field) => field.label),
      }));
      const frame: Frame = { title: 'Power drivers', at: 'help', who, stream: undefined };
      return html(pages.page('drivers.njk', frame, { drivers, problems: deps.drivers.problems() }));
    },
  });
}
