// @ts-check
// Buttons and forms that call the API. What the API says is shown as text beside the machine it is about.

/** @type {Map<string, { text: string, tone: string }>} What to say beside a machine, kept across redraws. */
const notes = new Map();
/** @type {Set<string>} Machines with a call under way from this page. */
const busy = new Set();
const ARMED_MS = 8000;

/**
 * @param {Element} element
 * @param {string} key
 */
const attribute = (element, key) => element.getAttribute(`data-${key}`) ?? '';

/** Writes the notes into the page again. @param {ParentNode} root */
export function showNotes(root = document) {
  for (const place of root.querySelectorAll('[data-note]')) {
    const id = attribute(place, 'note');
    const note = notes.get(id);
    const told = place.previousElementSibling;
    // What the machine's own row says already is not said twice.
    const isTold = told?.classList.contains('reason') && note && note.text.includes(told.textContent ?? '');
    const text = isTold ? '' : (note?.text ?? '');
    if (place.textContent !== text) place.textContent = text;
    place.setAttribute('data-tone', note?.tone ?? '');
  }
  for (const button of root.querySelectorAll('button[data-machine]')) {
    const mustWait = busy.has(attribute(button, 'machine')) && !button.hasAttribute('data-always');
    if (mustWait) button.setAttribute('aria-disabled', 'true');
    else button.removeAttribute('aria-disabled');
  }
}

/**
 * Says something beside a machine.
 * @param {string} id
 * @param {string} text
 * @param {string} tone
 */
export function say(id, text, tone) {
  if (text) notes.set(id, { text, tone });
  else notes.delete(id);
  showNotes();
}

/** Forgets what was said of a machine, for instance because a newer event tells more. @param {string} id */
export function forgetNote(id) {
  if (!busy.has(id) && notes.get(id)?.tone !== 'bad') notes.delete(id);
}

/** @param {HTMLFormElement} form */
function bodyOf(form) {
  /** @type {Record<string, any>} */
  const body = {};
  for (const field of form.elements) {
    const isText = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement;
    if (!(isText || field instanceof HTMLSelectElement) || !field.name) continue;
    if (field.closest('fieldset[disabled]')) continue;
    const empty = attribute(field, 'empty');
    if (field.value === '' && empty === 'drop') continue;
    put(body, field.name, field.value === '' && empty === 'null' ? null : valueOf(field));
  }
  return body;
}

/** @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} field */
function valueOf(field) {
  if (attribute(field, 'type') === 'number') return Number(field.value);
  if (attribute(field, 'type') === 'flag') return field.value === 'true';
  if (attribute(field, 'type') === 'words') return field.value.split(/\s+/).filter(Boolean);
  return field.value;
}

/**
 * @param {Record<string, any>} body
 * @param {string} name
 * @param {unknown} value
 */
function put(body, name, value) {
  const dot = name.indexOf('.');
  if (dot < 0) body[name] = value;
  else (body[name.slice(0, dot)] ??= {})[name.slice(dot + 1)] = value;
}

/**
 * @param {Element} source
 * @param {object | undefined} body
 */
async function call(source, body) {
  const [method, path] = attribute(source, 'api').split(' ');
  const machine = attribute(source, 'machine');
  const place = source.closest('form')?.querySelector('[data-note]');
  const id = place ? attribute(place, 'note') : machine;
  // What stops the work under way must not wait for that work.
  if (busy.has(machine) && !source.hasAttribute('data-always'))
    return say(id, 'the order before this one is still under way; try again when it has ended', 'doing');
  if (machine) busy.add(machine);
  const doing = attribute(source, 'doing');
  say(id, doing ? `${doing} …` : '', 'doing');
  try {
    const headers = body ? { 'Content-Type': 'application/json' } : undefined;
    const response = await fetch(path ?? '', { method, headers, body: body && JSON.stringify(body) });
    const answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
    busy.delete(machine);
    if (response.status === 401 && !location.pathname.startsWith('/login')) return location.assign('/login');
    if (!response.ok) return fail(source, id, answer, response.status);
    say(id, '', '');
    if (attribute(source, 'then') === 'info') say(id, infoWords(answer.info), '');
    else after(attribute(source, 'then'), answer);
  } catch {
    busy.delete(machine);
    say(id, 'Farrier did not answer; is the daemon running?', 'bad');
  }
}

/** What a controller says of itself, in a line. @param {Record<string, string> | undefined} info */
function infoWords(info) {
  const said = Object.entries(info ?? {}).map(([label, words]) => `${label}: ${words}`);
  return said.join('; ') || 'it says nothing of itself';
}

/**
 * @param {Element} source
 * @param {string} id
 * @param {any} answer
 * @param {number} status
 */
function fail(source, id, answer, status) {
  say(id, typeof answer.detail === 'string' ? answer.detail : `Failed with ${status}`, 'bad');
  // What is refused for its consequences may be ordered all the same: its button asks, once.
  if (answer.mayForce === true && source instanceof HTMLButtonElement)
    arm(source, Date.now() + ARMED_MS, { ask: 'All the same?', body: '{"force":true}' });
  if (!(source instanceof HTMLFormElement) || typeof answer.field !== 'string') return;
  const name = CSS.escape(answer.field.replace(/\.\d+$/, ''));
  const names = ['', 'parameters.', 'secrets.'].map((prefix) => `:enabled[name="${prefix}${name}"]`);
  const field = source.querySelector(names.join(', '));
  if (!(field instanceof HTMLElement)) return;
  field.setAttribute('aria-invalid', 'true');
  field.focus();
  field.addEventListener('input', () => field.removeAttribute('aria-invalid'), { once: true });
}

/**
 * @param {string} then
 * @param {any} answer
 */
function after(then, answer) {
  if (then === 'reload') location.reload();
  else if (then === 'machine' && typeof answer.name === 'string')
    location.assign(`/machines/${encodeURIComponent(answer.name)}`);
  else if (then.startsWith('/')) location.assign(then);
}

/** A dangerous button asks once more, in its own place. @param {HTMLButtonElement} button */
function isArmed(button) {
  if (!attribute(button, 'ask') || button.hasAttribute('data-armed')) return true;
  arm(button, Date.now() + ARMED_MS, { ask: attribute(button, 'ask'), body: '' });
  return false;
}

/**
 * @param {HTMLButtonElement} button
 * @param {number} untilMs
 * @param {{ ask: string, body: string }} question what it asks, and what it says in place of its own body when pressed
 */
function arm(button, untilMs, { ask, body }) {
  const before = attribute(button, 'label') || (button.textContent ?? '');
  button.setAttribute('data-label', before);
  button.setAttribute('data-armed', String(untilMs));
  button.setAttribute('data-armed-body', body);
  button.textContent = ask;
  const disarm = () => {
    // Armed anew meanwhile, for another question.
    if (button.getAttribute('data-armed') !== String(untilMs)) return;
    for (const name of ['data-armed', 'data-armed-body', 'data-label']) button.removeAttribute(name);
    button.textContent = before;
    button.removeEventListener('blur', disarm);
  };
  button.addEventListener('blur', disarm);
  setTimeout(disarm, untilMs - Date.now());
}

/** The questions a piece of the page has open, by their button's key, and until when. @param {Element} root */
export function openQuestions(root) {
  return [...root.querySelectorAll('button[data-armed][data-key]')].map((button) => ({
    key: attribute(button, 'key'),
    untilMs: Number(attribute(button, 'armed')),
    ask: button.textContent ?? '',
    body: attribute(button, 'armed-body'),
  }));
}

/**
 * Asks again what the piece before it had asked, so that a redraw between two clicks does not take the first one back.
 * @param {Element} root
 * @param {{ key: string, untilMs: number, ask: string, body: string }[]} questions
 */
export function askAgain(root, questions) {
  for (const { key, untilMs, ...question } of questions) {
    const button = root.querySelector(`button[data-key="${CSS.escape(key)}"]`);
    if (button instanceof HTMLButtonElement) arm(button, untilMs, question);
  }
}

/** Wires every button and form that names a call, those that come later included. */
export function startActions() {
  document.addEventListener('click', (event) => {
    const button = /** @type {Element} */ (event.target).closest('button[data-api]');
    if (!(button instanceof HTMLButtonElement) || button.hasAttribute('aria-disabled')) return;
    const body = attribute(button, 'armed-body') || attribute(button, 'body');
    if (isArmed(button)) void call(button, body ? JSON.parse(body) : undefined);
  });
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset['api']) return;
    event.preventDefault();
    if (event.submitter instanceof HTMLButtonElement && !isArmed(event.submitter)) return;
    void call(form, bodyOf(form));
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && document.activeElement instanceof HTMLButtonElement) document.activeElement.blur();
  });
}
