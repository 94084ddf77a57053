// @ts-check
// Switching many machines with one order, one after another, after one question that names those in use.
import { say } from './actions.js';

/** @type {Set<string>} Ids of the chosen machines; kept across redraws of their rows. */
const chosen = new Set();
const DOING = { on: 'Switch on', off: 'Switch off', cycle: 'Power-cycle' };

/** @param {string} id @returns {any} */
const the = (id) => document.getElementById(id);
const boxes = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll('[data-pick]')]);
/** @param {HTMLElement} box */
const rowOf = (box) => /** @type {HTMLElement} */ (box.closest('[data-part]'));
/** @param {number} count */
const machines = (count) => `${count} ${count === 1 ? 'machine' : 'machines'}`;

/** Writes the choice into the page again. Machines that are gone are not chosen any more. */
export function showChosen() {
  const bar = the('bulk');
  if (!bar) return;
  const there = new Set(boxes().map((box) => box.dataset['pick'] ?? ''));
  for (const id of chosen) if (!there.has(id)) chosen.delete(id);
  for (const box of boxes()) box.checked = chosen.has(box.dataset['pick'] ?? '');
  bar.hidden = chosen.size === 0;
  the('bulk-count').textContent = `${machines(chosen.size)} chosen`;
}

/** @param {string} verb */
function ask(verb) {
  const picked = boxes().filter((box) => box.checked);
  const names = picked.map((box) => rowOf(box).dataset['name'] ?? '');
  const inUse = picked.filter((box) => box.dataset['inUse']).map((box) => `${rowOf(box).dataset['name']} (${box.dataset['inUse']})`);
  const isHarmless = verb === 'on' || inUse.length === 0;
  the('bulk-title').textContent = `${DOING[/** @type {keyof DOING} */ (verb)]} ${machines(picked.length)}?`;
  the('bulk-names').textContent = names.join(', ');
  the('bulk-in-use').hidden = isHarmless;
  the('bulk-in-use').textContent = `In use: ${inUse.join(', ')}`;
  the('bulk-yes').className = isHarmless ? 'primary' : 'danger';
  the('bulk-ask').dataset.verb = verb;
  the('bulk-force').checked = false;
  the('bulk-ask').returnValue = 'no';
  the('bulk-ask').showModal();
}

/** @param {string} verb */
async function order(verb) {
  const staggerMs = Math.round(Number(the('bulk-stagger').value) * 1000);
  const force = the('bulk-force').checked ? { force: true } : {};
  const body = JSON.stringify({ machines: [...chosen], verb, staggerMs, ...force });
  const tell = (/** @type {string} */ words, tone = '') => {
    the('bulk-note').textContent = words;
    the('bulk-note').dataset.tone = tone;
  };
  tell('ordering …', 'doing');
  try {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch('/api/v1/power/orders', { method: 'POST', headers, body });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) return tell(answer.detail ?? `Failed with ${response.status}`, 'bad');
    const refused = answer.orders.filter((/** @type {{ because?: string }} */ each) => each.because !== undefined);
    for (const each of refused) say(each.machine, each.because, 'bad');
    const done = answer.orders.length - refused.length;
    chosen.clear();
    for (const each of refused) chosen.add(each.machine);
    showChosen();
    tell(refused.length === 0 ? '' : `${machines(done)} ordered; ${refused.length} refused, still chosen: each row says why`, 'bad');
  } catch {
    tell('Farrier did not answer; is the daemon running?', 'bad');
  }
}

/** Wires the choice and its bar. */
export function startBulk() {
  if (!the('bulk')) return;
  document.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.dataset['pick']) return;
    if (target.checked) chosen.add(target.dataset['pick']);
    else chosen.delete(target.dataset['pick']);
    showChosen();
  });
  for (const button of document.querySelectorAll('[data-bulk]'))
    button.addEventListener('click', () => ask(button.getAttribute('data-bulk') ?? ''));
  the('bulk-all').addEventListener('click', () => {
    for (const box of boxes()) if (!rowOf(box).hidden) chosen.add(box.dataset['pick'] ?? '');
    showChosen();
  });
  the('bulk-none').addEventListener('click', () => {
    chosen.clear();
    showChosen();
  });
  the('bulk-ask').addEventListener('close', () => {
    if (the('bulk-ask').returnValue === 'yes') void order(the('bulk-ask').dataset.verb);
  });
}
