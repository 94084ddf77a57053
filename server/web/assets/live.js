// @ts-check
// Keeps the page in step: the server draws the pieces, this puts them in place without taking away what the user
// is typing, where the focus is, or what was unfolded.
import { askAgain, forgetNote, openQuestions, showNotes } from './actions.js';

/**
 * @typedef {{ id: string, into?: string, html: string }} Part
 * @typedef {{ full: boolean, parts: Part[], gone: string[], say: string[], nowMs: number }} Patch
 * @typedef {{ changed: () => void, serverTime: (nowMs: number) => void }} Hooks
 */

/** The server's own fragment, made by its escaping templates; nothing else ever becomes HTML here. @param {string} html */
function elementOf(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */

/** @param {Element} element */
const fieldsOf = (element) =>
  /** @type {Field[]} */ ([...element.querySelectorAll('input[name], select[name], textarea[name]')]);

/** Many forms of one piece have a field of the same name: what each one calls tells them apart. @param {Element} field */
const formOf = (field) => field.closest('form')?.getAttribute('data-api') ?? '';

/** @param {Field} field */
function isTouched(field) {
  if (!(field instanceof HTMLSelectElement)) return field.value !== field.defaultValue;
  return field.value !== ([...field.options].find((option) => option.defaultSelected)?.value ?? field.options[0]?.value);
}

/**
 * How to find the focused thing again in the new piece.
 * @param {Element} root
 * @param {Element} focused
 */
function focusKey(root, focused) {
  for (const name of ['data-key', 'name', 'id']) {
    const value = focused.getAttribute(name);
    const form = formOf(focused);
    if (value) return `${form ? `form[data-api="${CSS.escape(form)}"] ` : ''}[${name}="${CSS.escape(value)}"]`;
  }
  if (focused.hasAttribute('data-row-link')) return '[data-row-link]';
  const at = [...root.querySelectorAll(focused.localName)].indexOf(focused);
  return at === 0 ? focused.localName : '';
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function swap(old, fresh) {
  const touched = fieldsOf(old).filter(isTouched);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const key = focused ? focusKey(old, focused) : '';
  const unfolded = [...old.querySelectorAll('details')].map((details) => details.open);
  const questions = openQuestions(old);
  old.replaceWith(fresh);
  for (const field of touched) {
    const same = fieldsOf(fresh).find((each) => each.name === field.name && formOf(each) === formOf(field));
    if (same) same.value = field.value;
  }
  [...fresh.querySelectorAll('details')].forEach((details, at) => {
    const was = unfolded[at];
    if (was !== undefined) details.open = was;
  });
  const again = key ? fresh.querySelector(key) : null;
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  askAgain(fresh, questions);
  if (again instanceof HTMLInputElement && focused instanceof HTMLInputElement && focused.selectionStart !== null)
    again.setSelectionRange(focused.selectionStart, focused.selectionEnd);
}

/**
 * @param {string} into
 * @param {Element} fresh
 */
function insert(into, fresh) {
  const place = document.getElementById(into);
  if (!place) return;
  const key = fresh.getAttribute('data-sort') ?? '';
  const sign = place.getAttribute('data-order') === 'desc' ? -1 : 1;
  const next = [...place.children].find((child) => {
    const other = child.getAttribute('data-sort');
    return other !== null && sign * other.localeCompare(key, 'en', { numeric: true }) > 0;
  });
  place.insertBefore(fresh, next ?? null);
  // A new boot is what one looks at now: the one before it folds away, unless somebody is in it.
  if (into === 'boots')
    for (const older of place.querySelectorAll(':scope > .boot > details[open]'))
      if (!fresh.contains(older) && !older.contains(document.activeElement)) older.removeAttribute('open');
  fresh.classList.add('arrived');
}

/** @param {Part} part */
function place(part) {
  const old = document.getElementById(part.id);
  const fresh = elementOf(part.html);
  if (!fresh || (old && old.getAttribute('data-v') === fresh.getAttribute('data-v'))) return;
  forgetNote(fresh.getAttribute('data-id') ?? '');
  if (old) {
    swap(old, fresh);
    fresh.classList.add('changed');
  } else if (part.into) insert(part.into, fresh);
}

/** @param {string} id */
function remove(id) {
  const old = document.getElementById(id);
  if (!old) return;
  const hadFocus = old.contains(document.activeElement);
  const machine = old.getAttribute('data-id') ?? '';
  const neighbour = old.nextElementSibling ?? old.previousElementSibling;
  old.remove();
  if (!hadFocus) return;
  // A machine that was accepted has moved on: the focus goes to the next one that waits, else to where it went.
  const target =
    neighbour?.querySelector('input[name="name"]') ??
    document.getElementById(`row-${machine}`)?.querySelector('[data-row-link]') ??
    document.getElementById('main');
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
}

/**
 * @param {Patch} patch
 * @param {Hooks} hooks
 */
function apply(patch, hooks) {
  hooks.serverTime(patch.nowMs);
  for (const part of patch.parts) place(part);
  for (const id of patch.gone) remove(id);
  if (patch.full) {
    const ids = new Set(patch.parts.map((part) => part.id));
    for (const element of document.querySelectorAll('[data-part]')) if (!ids.has(element.id)) remove(element.id);
  }
  showNotes();
  hooks.changed();
  const announce = document.getElementById('announce');
  if (announce && patch.say.length > 0) announce.textContent = patch.say.join('. ');
}

/** @param {string} state @param {string} words */
function tellLive(state, words) {
  const sign = document.getElementById('live');
  if (!sign || sign.getAttribute('data-live-state') === state) return;
  sign.setAttribute('data-live-state', state);
  sign.textContent = words;
}

/** No press lasts longer, whatever became of its release. */
const PRESS_MAX_MS = 2000;

/**
 * Calls `act` at once, but while a mouse button or the space bar is down only after its release: a button that is drawn
 * anew in between would never be clicked.
 */
function startPresses() {
  let isDown = false;
  let timer = 0;
  /** @type {(() => void)[]} */
  const waiting = [];
  const catchUp = () => {
    if (!isDown) for (const act of waiting.splice(0)) act();
  };
  const release = () => {
    isDown = false;
    clearTimeout(timer);
    timer = window.setTimeout(catchUp);
  };
  const press = () => {
    isDown = true;
    clearTimeout(timer);
    timer = window.setTimeout(release, PRESS_MAX_MS);
  };
  document.addEventListener('pointerdown', press, true);
  document.addEventListener('keydown', ({ key }) => key === ' ' && press(), true);
  for (const name of ['pointerup', 'pointercancel', 'keyup']) document.addEventListener(name, release, true);
  // The click comes right after the release; by now it has been acted on.
  document.addEventListener('click', catchUp);
  return (/** @type {() => void} */ act) => {
    waiting.push(act);
    catchUp();
  };
}

/** Opens the page's stream, if it has one. The browser reconnects by itself and gets the full set again. @param {Hooks} hooks */
export function startLive(hooks) {
  const address = document.body.dataset['stream'];
  if (!address) return;
  const unlessPressed = startPresses();
  const open = () => {
    const source = new EventSource(address);
    source.addEventListener('patch', (event) => {
      unlessPressed(() => {
        tellLive('live', 'live');
        apply(JSON.parse(event.data), hooks);
      });
    });
    source.addEventListener('error', () => {
      tellLive('lost', 'reconnecting');
      if (source.readyState !== EventSource.CLOSED) return;
      // Refused for good (logged out, or the daemon is too busy): look again, and let the page send us to the log-in.
      setTimeout(async () => {
        const seen = await fetch(location.pathname, { method: 'HEAD', redirect: 'manual' }).catch(() => undefined);
        if (seen?.type === 'opaqueredirect') location.reload();
        else open();
      }, 3000);
    });
  };
  open();
}
