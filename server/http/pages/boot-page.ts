import type { BootRecord } from '../../core/event.ts';
import type { HttpDeps } from '../deps.ts';
import { PAGE, html, problem, route, type Route } from '../route.ts';
import { bootFragment } from './fragments.ts';
import type { Frame, Pages } from './render.ts';

interface Parts {
  readonly deps: HttpDeps;
  readonly pages: Pages;
}

interface ServedLine {
  readonly label: string;
  readonly value: string;
  readonly isMono: boolean;
}

/** What a boot was served, as lines of a list; enough to serve the same again. */
export function servedLines({ served }: Pick<BootRecord, 'served'>): readonly ServedLine[] | undefined {
  if (!served) return undefined;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['Bundle', served.bundle],
    ['Board', served.board],
    ['Format', served.format],
    ['Kernel', served.kernel],
    ['Initrd', served.initrd],
    ['Device tree', served.dtb],
    ['Kernel arguments', served.args],
  ];
  return lines.flatMap(([label, value]) =>
    value === undefined ? [] : [{ label, value, isMono: !['Bundle', 'Board', 'Format'].includes(label) }],
  );
}

/** One boot of a machine on a page of its own, to be linked to. */
export function bootPage({ deps, pages }: Parts): Route {
  return route('GET /machines/{ref}/boots/{boot}', {
    ...PAGE,
    summary: 'One boot of a machine',
    answers: { 200: undefined },
    run: async ({ part, who }) => {
      const machine = await deps.machines.find(part('ref'));
      const boot = await deps.store.boots.byId(part('boot'));
      if (!machine || boot?.machine !== machine.id)
        return problem(404, 'unknown-boot', `no boot "${part('boot').slice(0, 80)}" of "${part('ref').slice(0, 80)}"`);
      // A boot that is over does not change any more; the stream of the machine's newest ones would take it away.
      const stream = boot.endedMs === undefined ? `/events/rows?machine=${encodeURIComponent(machine.id)}` : undefined;
      const frame: Frame = { title: `Boot of ${machine.name}`, at: 'rack', who, stream };
      const { html: drawn } = await bootFragment(deps, pages, machine, boot);
      const content = {
        machine: { name: machine.name },
        boot: { id: boot.id },
        html: drawn,
        served: servedLines(boot),
      };
      return html(pages.page('boot.njk', frame, content));
    },
  });
}
