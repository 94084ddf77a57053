// @ts-check
// The page's own script: keys, times, and the start of the other parts. Data only ever becomes text.
import { startActions } from './actions.js';
import { showChosen, startBulk } from './bulk.js';
import { applyFilter, startFilter } from './filter.js';
import { startLive } from './live.js';

/** @param {number} ms how long ago */
function ago(ms) {
  const s = Math.round(ms / 1000);
  if (s < 0) return `in ${span(-s)}`;
  return s < 3 ? 'now' : `${span(s)} ago`;
}

/** @param {number} s */
function span(s) {
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

/** Server and browser clocks differ; what counts is the server's. */
let skewMs = 0;

/** @param {ParentNode} root */
function tellTimes(root) {
  for (const time of root.querySelectorAll('time[data-rel]')) {
    const at = Date.parse(time.getAttribute('datetime') ?? '');
    if (Number.isNaN(at)) continue;
    const ageMs = Date.now() + skewMs - at;
    const staleMs = Number(time.getAttribute('data-stale-ms') ?? Infinity);
    time.toggleAttribute('data-stale', ageMs > staleMs);
    const words = ageMs > staleMs ? `${ago(ageMs)}, old` : ago(ageMs);
    if (time.textContent === words) continue;
    time.textContent = words;
    time.setAttribute('title', new Date(at).toLocaleString());
  }
}

const title = document.title;

/** How many machines wait, in the tab's title: it can be seen while another tab is looked at. */
function tellTitle() {
  const waiting = document.querySelectorAll('.candidate').length;
  const words = waiting > 0 ? `(${waiting}) ${title}` : title;
  if (document.title !== words) document.title = words;
}

/** @param {number} step */
function moveBy(step) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[data-row-link]')]).filter(
    (link) => link.offsetParent !== null,
  );
  const here = document.activeElement?.closest('[data-part]')?.querySelector('[data-row-link]');
  const at = links.findIndex((link) => link === here);
  links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
}

function nextWaiting() {
  const inputs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.candidate [name="name"]')]);
  const at = inputs.findIndex((input) => input.closest('.candidate')?.contains(document.activeElement));
  inputs[(at + 1) % Math.max(1, inputs.length)]?.focus();
}

/** @type {Record<string, () => void>} */
const KEYS = {
  '/': () => document.getElementById('filter')?.focus(),
  n: nextWaiting,
  j: () => moveBy(1),
  k: () => moveBy(-1),
  g: () => location.assign('/'),
  '?': () => /** @type {HTMLDialogElement | null} */ (document.getElementById('keys'))?.showModal(),
};

/** A menu closes when one looks elsewhere. @param {Event} event */
function closeMenus(event) {
  for (const menu of document.querySelectorAll('details.more[open]'))
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute('open');
}
document.addEventListener('click', closeMenus);
document.addEventListener('focusin', closeMenus);
document.addEventListener('keydown', (event) => {
  const menu = event.key === 'Escape' ? document.querySelector('details.more[open]') : null;
  if (!menu) return;
  menu.removeAttribute('open');
  menu.querySelector('summary')?.focus();
});

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest('input, select, textarea, dialog[open]')) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

/** A choice of a kind shows the fields of that kind, in its own form. */
for (const choice of /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll('select[data-chooses]')))
  choice.addEventListener('change', () => {
    for (const set of choice.form?.querySelectorAll('fieldset[data-of]') ?? []) {
      const isChosen = set.getAttribute('data-of') === choice.value;
      set.toggleAttribute('hidden', !isChosen);
      set.toggleAttribute('disabled', !isChosen);
    }
  });

tellTimes(document);
tellTitle();
setInterval(() => tellTimes(document), 1000);
startActions();
startFilter();
startBulk();
startLive({
  changed: () => {
    tellTimes(document);
    tellTitle();
    applyFilter();
    showChosen();
  },
  serverTime: (nowMs) => {
    skewMs = nowMs - Date.now();
  },
});
