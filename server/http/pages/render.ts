import nunjucks from 'nunjucks';
import type { Who } from '../auth.ts';
import type { Problem } from '../problem.ts';
import { suffices } from '../rights.ts';

/** What a page frame needs beside its own content. */
export interface Frame {
  readonly title: string;
  /** Which entry of the navigation is this one. */
  readonly at: 'rack' | 'boards' | 'bundles' | 'leases' | 'help' | 'none';
  readonly who: Who | undefined;
  /** The address of the live stream, where the page has one. */
  readonly stream: string | undefined;
}

/** The HTML templates. Their text comes from disk only; users' words go in as data and are escaped. */
export interface Pages {
  page(template: string, frame: Frame, content: object): string;
  /** A fragment for the live streams, the same file the page includes. */
  part(template: string, content: object): string;
  problem(problem: Problem, requestId: string, who: Who | undefined): string;
}

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
      },
    });
  return {
    page,
    part: (template, content) => environment.render(template, content),
    problem: (problem, requestId, who) =>
      page('problem.njk', { title: 'Not possible', at: 'none', who, stream: undefined }, { problem, requestId }),
  };
}
