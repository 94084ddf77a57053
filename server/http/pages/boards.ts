import type { Board } from '../../core/board.ts';
import type { DtbVersion } from '../../core/dtb-version.ts';
import type { HttpDeps } from '../deps.ts';
import { byName } from '../read-machines.ts';
import { suffices } from '../rights.ts';
import { noBoard } from '../api/outcomes.ts';
import { PAGE, html, route, type Route } from '../route.ts';
import type { Frame, Pages } from './render.ts';
import { moment, octetWords } from './words.ts';

interface Parts {
  readonly deps: HttpDeps;
  readonly pages: Pages;
}

/** The board catalogue, and one board with its device trees. */
export function boardPages(parts: Parts): readonly Route[] {
  return [boardsPage(parts), boardPage(parts)];
}

const TONES: Readonly<Record<Board['proof'], string>> = {
  tested: 'good',
  emulated: 'moving',
  simulated: 'moving',
  untested: 'quiet',
};

/** What the list says of the tree a board hands over. */
function treeWords(board: Board): string {
  if (board.dtbMissing !== undefined) return 'missing';
  const { dtb } = board;
  if (!dtb) return board.dtbWish ? 'the firmware’s, until one is imported' : 'the firmware’s own';
  const from = dtb.version === undefined || dtb.version === 0 ? 'from its folder' : `version ${dtb.version}`;
  return (board.overlays ?? []).length > 0 ? `${from}, with overlays` : from;
}

function boardsPage({ deps, pages }: Parts): Route {
  return route('GET /boards', {
    ...PAGE,
    summary: 'The board catalogue',
    answers: { 200: undefined },
    run: async ({ who }) => {
      const findings = (await deps.lintBoards()).filter((finding) => finding.severity === 'error');
      const boards = [...deps.boards.list()].sort(byName).map((board) => ({
        ...board,
        tone: TONES[board.proof],
        loaders: board.loaders.map((each) => each.loader).join(', '),
        tree: treeWords(board),
        find: [board.name, board.title, board.proof, board.arch, ...board.loaders.map((each) => each.loader)]
          .join(' ')
          .toLowerCase(),
      }));
      const frame: Frame = { title: 'Boards', at: 'boards', who, stream: undefined };
      return html(pages.page('boards.njk', frame, { boards, findings }));
    },
  });
}

function boardPage({ deps, pages }: Parts): Route {
  return route('GET /boards/{name}', {
    ...PAGE,
    summary: 'One board: its facts, their sources, its device trees',
    answers: { 200: undefined },
    run: async ({ part, who }) => {
      const board = deps.boards.byName(part('name'));
      const history = await deps.boardDtbs.history(part('name'));
      if (!board || !history) return noBoard(part('name'));
      const machines = (await deps.store.machines.list()).filter(
        (machine) => (machine.board ?? machine.recognised?.board) === board.name,
      );
      const frame: Frame = { title: board.name, at: 'boards', who, stream: undefined };
      const content = {
        board: viewOf(board),
        findings: (await deps.lintBoards()).filter((finding) => finding.file === board.file),
        versions: [...history.versions].reverse().map((version) => rowOf(version, history.current)),
        isOwn: history.current === 0,
        canOperate: suffices(who?.role, 'operator'),
        machines: machines.map((machine) => machine.name).sort(),
      };
      return html(pages.page('board.njk', frame, content));
    },
  });
}

function rowOf(version: DtbVersion, current: number): object {
  const { atMs, octets, ...rest } = version;
  return { ...rest, octets: octetWords(octets), at: moment(atMs), isCurrent: version.version === current };
}

function viewOf(board: Board): object {
  const { loadAddresses, dtb } = board;
  return {
    ...board,
    tone: TONES[board.proof],
    tree: treeWords(board),
    dtb: dtb && { ...dtb, octets: octetWords(dtb.octets) },
    loaders: board.loaders.map(({ loader, formats, argOctetsMax }) => ({
      loader,
      formats: formats.map((format) => ({ format, octetsMax: argOctetsMax[format] })),
    })),
    signs: signsOf(board),
    addresses: Object.entries(loadAddresses ?? {}).map(([what, address]) => `${what} ${address}`),
  };
}

/** All kinds of signs that are given, in words; all of them must agree. */
function signsOf({ signs }: Board): readonly string[] {
  const kinds: readonly (readonly [string, readonly (string | number)[]])[] = [
    ['option 93 is', signs.clientArch],
    ['option 60 begins with', signs.vendorClass],
    ['the MAC begins with', signs.oui],
    ['SMBIOS names the vendor', signs.smbiosVendor],
    ['SMBIOS names the product', signs.smbiosProduct],
    ['the device tree says', signs.dtCompatible],
  ];
  return kinds.filter(([, values]) => values.length > 0).map(([words, values]) => `${words} ${values.join(' or ')}`);
}
