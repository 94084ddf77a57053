import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';

interface Piece {
  readonly at: number;
  readonly atMs: number;
  readonly octets: Buffer;
}

/** A daemon's console API around a board that says what a test wants, for the clients of that API. */
export interface FakeConsole {
  /** Where it listens: a port of loopback, or the socket it was given. */
  readonly base: string;
  /** All keys that reached the board. */
  readonly keys: () => string;
  /** What clients asked for: text frames, and `from=…` of each stream. */
  readonly asked: string[];
  /** The board says something. */
  say(text: string | Buffer, atMs?: number): void;
  /** Ends all streams with this code. */
  cut(code: number): void;
  /** What the line is from now on. */
  line(is: 'none' | 'connecting' | 'open' | 'closed', because?: string): void;
  /** Somebody else has the keyboard. */
  writerIs(name: string): void;
  close(): Promise<void>;
}

const PATH = /^\/api\/v1\/machines\/([^/]+)\/console(\/log|\/stream)?$/;

/** Starts one; what is not a console's goes to `others`. `may`: whether clients may write. */
export async function startFakeConsole(
  options: { readonly others?: RequestListener; readonly socket?: string; readonly may?: boolean } = {},
): Promise<FakeConsole> {
  const { others, socket, may = true } = options;
  const pieces: Piece[] = [];
  const asked: string[] = [];
  const viewers = new Set<WebSocket>();
  let [typed, writer, line] = ['', undefined as WebSocket | string | undefined, { is: 'open', sinceMs: 1 } as object];
  const to = (): number => pieces.reduce((sum, piece) => sum + piece.octets.length, 0);
  const writerView = (): object | null =>
    writer === undefined ? null : { name: typeof writer === 'string' ? writer : 'tester', sinceMs: 1 };
  const tell = (viewer: WebSocket, what: object): void => {
    viewer.send(JSON.stringify(what));
  };
  const tellWriter = (): void => {
    for (const viewer of viewers) tell(viewer, { is: 'writer', writer: writerView(), you: viewer === writer });
  };
  const send = (viewer: WebSocket, piece: Piece, from: number): void => {
    const octets = piece.octets.subarray(Math.max(0, from - piece.at));
    if (octets.length === 0) return;
    tell(viewer, { is: 'at', offset: Math.max(from, piece.at), atMs: piece.atMs });
    viewer.send(octets);
  };
  const answerLog = (response: ServerResponse, query: URLSearchParams): void => {
    const all = Buffer.concat(pieces.map((piece) => piece.octets));
    if (query.get('as') === 'timed') {
      const first = Number(query.get('from') ?? 0);
      // One piece an answer: clients have to come back for the rest.
      const rest = pieces.filter((piece) => piece.at >= first).slice(0, 1);
      const chunks = rest.map(({ at, atMs, octets }) => ({ at, atMs, octets: octets.toString('base64') }));
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ from: first, to: rest[0] ? rest[0].at + rest[0].octets.length : first, chunks }));
      return;
    }
    const from = Number(query.get('from') ?? 0);
    response.setHeader('content-type', 'application/octet-stream');
    response.end(all.subarray(from, Number(query.get('to') ?? all.length)));
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://lab');
    const [whole, , below] = PATH.exec(pathname) ?? [];
    if (whole === undefined || request.method !== 'GET') {
      if (pathname.startsWith('/api/') || !others) response.writeHead(404).end('{"detail":"nothing here"}');
      else others(request, response);
    } else if (below === '/log') answerLog(response, searchParams);
    else {
      const view = { setting: { transport: 'tcp', parameters: {} }, secretsSet: [], line, canBreak: true };
      const state = { ...view, recorded: { from: 0, to: to() }, writer: writerView(), viewers: viewers.size };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(state));
    }
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, stream, head) => {
    const { searchParams } = new URL(request.url ?? '', 'http://lab');
    sockets.handleUpgrade(request, stream, head, (viewer) => {
      const from = Number(searchParams.get('from') ?? 0);
      asked.push(`from=${from}`);
      viewers.add(viewer);
      viewer.on('close', () => {
        viewers.delete(viewer);
        if (writer === viewer) writer = undefined;
      });
      viewer.on('message', (data: Buffer, isBinary) => {
        if (isBinary) {
          if (viewer === writer) typed += data.toString();
          else tell(viewer, { is: 'refused', because: 'you do not have the keyboard; take it first' });
          return;
        }
        asked.push(data.toString());
        const wish = JSON.parse(data.toString()) as { do: string; over?: boolean };
        if (wish.do === 'take' && writer !== undefined && !wish.over)
          tell(viewer, { is: 'refused', because: 'somebody else has the keyboard' });
        else if (wish.do === 'take') writer = viewer;
        else if (wish.do === 'release' && writer === viewer) writer = undefined;
        tellWriter();
      });
      tell(viewer, { is: 'hello', from, to: to(), line, writer: writerView(), you: { mayWrite: may } });
      for (const piece of pieces) if (piece.at + piece.octets.length > from) send(viewer, piece, from);
    });
  });
  if (socket === undefined) server.listen(0, '127.0.0.1');
  else server.listen(socket);
  await once(server, 'listening');
  const address = server.address();
  return {
    base: socket ?? `http://127.0.0.1:${typeof address === 'object' ? String(address?.port) : ''}`,
    keys: () => typed,
    asked,
    say: (text, atMs = 1_700_000_000_000 + to()) => {
      const piece = { at: to(), atMs, octets: Buffer.from(text) };
      pieces.push(piece);
      for (const viewer of viewers) send(viewer, piece, piece.at);
    },
    cut: (code) => {
      for (const viewer of viewers) viewer.close(code);
    },
    line: (is, because) => {
      line = { is, sinceMs: 1, because };
      for (const viewer of viewers) tell(viewer, { is: 'line', line });
    },
    writerIs: (name) => {
      writer = name;
      tellWriter();
    },
    close: async () => {
      for (const viewer of viewers) viewer.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
