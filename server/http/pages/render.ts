import nunjucks from 'nunjucks';
import type { Who } from '../auth.ts';
import type { Problem } from '../problem.ts';
import { suffices } from '../rights.ts';

/** What a page frame needs beside its own content. */
export interface Frame {
  readonly title: string;
  /** Which entry of the navigation is this one. */
  readonly at: 'rack' | 'wall' | 'boards' | 'bundles' | 'leases' | 'users' | 'help' | 'none';
  readonly who: Who | undefined;
  /** The address of the live stream, where the page has one. */
  readonly stream: string | undefined;
}

/** The HTML templates. Their text comes from disk only; users' words go in as data and are escaped. */
export interface Pages {
  page(template: string, frame: Frame, content: object): string;
  /**
   * A fragment for pages and live streams alike. `mark` stands for all it shows (see `markOf`): what was drawn with the
   * same mark before is not drawn again.
   */
  part(template: string, mark: string, content: object): string;
  problem(problem: Problem, requestId: string, who: Who | undefined): string;
}

/** Fragments kept: a few for each of a thousand machines, some 5 MB. */
const DRAWN_MAX = 3000;

/** Makes the HTML environment, separate from the one for boot files: here `&` must become `&amp;`, there never. */
export function createPages(options: {
  readonly folder: string;
  readonly digest: string;
  readonly version: string;
}): Pages {
  const loader = new nunjucks.FileSystemLoader(options.folder, { noCache: false, watch: false });
  const environment = new nunjucks.Environment(loader, { autoescape: true, throwOnUndefined: true, trimBlocks: true });
  const page: Pages['page'] = (template, frame, content) =>
    environment.render(template, {
      ...content,
      frame: {
        ...frame,
        digest: options.digest,
        version: options.version,
        canOperate: suffices(frame.who?.role, 'operator'),
        isAdmin: suffices(frame.who?.role, 'admin'),
      },
    });
  const drawn = new Map<string, string>();
  return {
    page,
    part: (template, mark, content) => {
      const key = `${template} ${mark}`;
      const html = drawn.get(key) ?? environment.render(template, { ...content, mark });
      drawn.delete(key);
      drawn.set(key, html);
      const [oldest] = drawn.keys();
      if (drawn.size > DRAWN_MAX && oldest !== undefined) drawn.delete(oldest);
      return html;
    },
    problem: (problem, requestId, who) =>
      page('problem.njk', { title: 'Not possible', at: 'none', who, stream: undefined }, { problem, requestId }),
  };
}
