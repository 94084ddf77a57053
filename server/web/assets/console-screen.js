// @ts-check
// The terminal itself, with the time of each line beside it.
import { Terminal } from './xterm.js';
import { FitAddon } from './xterm-fit.js';
import { SearchAddon } from './xterm-search.js';

const LINES_KEPT = 50_000;
const PHONE = '(max-width: 640px)';
/** The night of the pages in both schemes: consoles are written for dark screens. */
const THEME = {
  background: '#141518',
  foreground: '#e8e5df',
  cursor: '#ee9a63',
  cursorAccent: '#141518',
  selectionBackground: '#5a4636',
  scrollbarSliderBackground: '#45464c',
  scrollbarSliderHoverBackground: '#5a5c63',
};

/**
 * xterm writes its rules into style elements and colours of cells into style attributes; the policy of these pages
 * refuses both. Constructed sheets and the style object do the same and are lawful.
 */
function keepStylesLawful() {
  const create = document.createElement.bind(document);
  // @ts-ignore one implementation for all overloads
  document.createElement = (name, options) => {
    if (name !== 'style') return create(name, options);
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    return Object.defineProperty(create('template'), 'textContent', { set: (text) => sheet.replaceSync(text) });
  };
  const { setAttribute } = Element.prototype;
  HTMLSpanElement.prototype.setAttribute = function (name, value) {
    if (name === 'style') this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
}

/** @param {number} n @param {number} width */
const digits = (n, width) => String(n).padStart(width, '0');

/** `14:03:07.250`, in the time of whoever looks. @param {number} atMs */
function clockWords(atMs) {
  const at = new Date(atMs);
  const [h, m, s] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((each) => digits(each, 2));
  return `${h}:${m}:${s}.${digits(at.getMilliseconds(), 3)}`;
}

/**
 * Times beside the lines: a mark goes with the line on which a piece began, and moves with it.
 * @param {Terminal} term
 * @param {HTMLElement} gutter
 */
function keepTimes(term, gutter) {
  /** @type {{ marker: { line: number, isDisposed: boolean }, atMs: number }[]} */
  let marks = [];
  let drawn = '';
  const draw = () => {
    if (gutter.hidden) return;
    const top = term.buffer.active.viewportY;
    const shown = new Map(
      marks.filter(({ marker }) => !marker.isDisposed).map(({ marker, atMs }) => [marker.line - top, atMs]),
    );
    const rows = [...Array(term.rows).keys()].map((row) => shown.get(row));
    const key = rows.join(',');
    if (key === drawn) return;
    drawn = key;
    gutter.replaceChildren(
      ...rows.map((atMs) => {
        const row = document.createElement('div');
        if (atMs === undefined) return row;
        row.textContent = clockWords(atMs);
        row.title = new Date(atMs).toISOString();
        return row;
      }),
    );
  };
  const size = () => {
    const screen = term.element?.querySelector('.xterm-screen');
    if (screen) gutter.style.setProperty('--row', `${screen.clientHeight / term.rows}px`);
    drawn = '';
    draw();
  };
  term.onRender(draw);
  term.onScroll(draw);
  term.onResize(size);
  return {
    /** @param {number} atMs */
    mark: (atMs) => {
      const marker = term.registerMarker(0);
      if (!marker) return;
      const last = marks.at(-1);
      if (last && !last.marker.isDisposed && last.marker.line === marker.line) return marker.dispose();
      marks.push({ marker, atMs });
      if (marks.length > LINES_KEPT) marks = marks.filter((each) => !each.marker.isDisposed).slice(-LINES_KEPT);
    },
    clear: () => {
      marks = [];
      drawn = '';
    },
    size,
  };
}

/**
 * Lays a terminal into the page.
 * @param {HTMLElement} place
 * @param {HTMLElement} gutter
 */
export function layScreen(place, gutter) {
  keepStylesLawful();
  const term = new Terminal({
    allowProposedApi: true,
    convertEol: false,
    cursorBlink: false,
    disableStdin: true,
    fontFamily: getComputedStyle(document.body).getPropertyValue('--mono') || 'monospace',
    fontSize: matchMedia(PHONE).matches ? 11 : 13,
    // Whatever a board sends is as it is; the log of the browser is no place for it.
    logLevel: 'off',
    minimumContrastRatio: 4.5,
    screenReaderMode: false,
    scrollback: LINES_KEPT,
    theme: THEME,
  });
  const [fit, search] = [new FitAddon(), new SearchAddon()];
  term.loadAddon(fit);
  term.loadAddon(search);
  term.open(place);
  const times = keepTimes(term, gutter);
  const fitNow = () => {
    fit.fit();
    times.size();
  };
  new ResizeObserver(fitNow).observe(place);
  fitNow();
  return {
    term,
    /** @param {Uint8Array} octets @param {number} atMs when they came */
    write: (octets, atMs) => {
      term.write('', () => times.mark(atMs));
      term.write(octets);
    },
    clear: () => {
      times.clear();
      term.reset();
    },
    /** @param {boolean} shown */
    showTimes: (shown) => {
      gutter.hidden = !shown;
      fitNow();
    },
    /** @param {string} words @param {boolean} back @returns {boolean} whether there is such a place */
    find: (words, back) => (back ? search.findPrevious(words) : search.findNext(words)),
    size: fitNow,
  };
}
