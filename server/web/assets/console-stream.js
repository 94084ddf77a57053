// @ts-check
// The octets of a console as they come: one WebSocket, opened again from the last offset whenever it ends.

/**
 * @typedef {{ name: string, sinceMs: number } | null} Writer
 * @typedef {{ is: 'none' | 'connecting' | 'open' | 'closed', sinceMs: number, because?: string }} Line
 * @typedef {object} Hooks
 * @property {(octets: Uint8Array, offset: number, atMs: number) => void} octets
 * @property {(line: Line) => void} line
 * @property {(writer: Writer, you: boolean, may: boolean) => void} writer
 * @property {(because: string) => void} refused
 * @property {(state: 'waiting' | 'live' | 'lost') => void} state
 * @property {(octets: number) => void} gap
 */

const WAITS_MS = [300, 1000, 2000, 4000, 8000];
/** The server closes with this code when we do not keep up. */
const TOO_SLOW = 4008;

/**
 * Starts to follow a console. It never gives up: what was missed meanwhile comes from the record.
 * @param {string} path of the stream, without the query
 * @param {number} from the offset of the first octet wanted
 * @param {Hooks} hooks
 */
export function followConsole(path, from, hooks) {
  /** @type {WebSocket | undefined} */
  let socket;
  let [next, atMs, tries, mayWrite, isEnded] = [from, 0, 0, false, false];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  /** @param {Record<string, any>} said */
  const hear = (said) => {
    if (said.is === 'hello') {
      tries = 0;
      mayWrite = said.you?.mayWrite === true;
      if (said.from > next) hooks.gap(said.from - next);
      next = said.from;
      hooks.state('live');
      hooks.line(said.line);
      hooks.writer(said.writer, false, mayWrite);
    } else if (said.is === 'at') {
      if (said.offset > next) hooks.gap(said.offset - next);
      next = said.offset;
      atMs = said.atMs;
    } else if (said.is === 'line') hooks.line(said.line ?? { ...said, is: said.state ?? 'none' });
    else if (said.is === 'writer') hooks.writer(said.writer, said.you === true, mayWrite);
    else if (said.is === 'refused') hooks.refused(said.because);
  };

  const open = () => {
    hooks.state(tries === 0 ? 'waiting' : 'lost');
    const address = new URL(`${path}?from=${next}`, location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const own = new WebSocket(address);
    socket = own;
    own.binaryType = 'arraybuffer';
    own.addEventListener('message', ({ data }) => {
      if (own !== socket) return;
      if (typeof data === 'string') return hear(JSON.parse(data));
      const octets = new Uint8Array(data);
      hooks.octets(octets, next, atMs);
      next += octets.length;
    });
    own.addEventListener('close', ({ code }) => {
      if (own !== socket || isEnded) return;
      hooks.writer(null, false, false);
      hooks.state('lost');
      const waitMs = code === TOO_SLOW ? 0 : WAITS_MS[Math.min(tries, WAITS_MS.length - 1)];
      tries += 1;
      again = setTimeout(open, waitMs);
    });
  };
  open();

  /** @param {string | Uint8Array} what */
  const send = (what) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(what);
  };
  return {
    /** @param {string} text what was typed */
    keys: (text) => send(new TextEncoder().encode(text)),
    /** @param {object} wish */
    ask: (wish) => send(JSON.stringify(wish)),
    end: () => {
      isEnded = true;
      clearTimeout(again);
      socket?.close();
    },
  };
}
