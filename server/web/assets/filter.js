// @ts-check
// Search and state chips: both only hide, on this page.

let state = '';

function input() {
  return /** @type {HTMLInputElement | null} */ (document.getElementById('filter'));
}

/** Shows what fits the search and the chosen state. Called again after every change. */
export function applyFilter() {
  const words = (input()?.value ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  const rows = document.querySelectorAll('[data-find]');
  for (const row of rows) {
    const find = row.getAttribute('data-find') ?? '';
    const fits = words.every((word) => find.includes(word)) && (!state || row.getAttribute('data-state') === state);
    row.toggleAttribute('hidden', !fits);
    if (fits) shown += 1;
  }
  document.querySelector('.waiting')?.toggleAttribute('data-none-shown', !document.querySelector('.candidate:not([hidden])'));
  document.getElementById('no-match')?.toggleAttribute('hidden', shown > 0 || rows.length === 0);
  for (const chip of document.querySelectorAll('[data-state-filter]'))
    chip.setAttribute('aria-pressed', String(chip.getAttribute('data-state-filter') === state));
}

/** Wires the search box and the chips. */
export function startFilter() {
  input()?.addEventListener('input', applyFilter);
  input()?.addEventListener('keydown', (event) => {
    const box = input();
    if (event.key !== 'Escape' || !box) return;
    box.value = '';
    applyFilter();
    box.blur();
  });
  document.addEventListener('click', (event) => {
    const target = /** @type {Element} */ (event.target);
    const chip = target.closest('[data-state-filter]');
    if (chip) {
      const chosen = chip.getAttribute('data-state-filter') ?? '';
      state = chosen === state ? '' : chosen;
      applyFilter();
    }
    if (target.closest('#clear-filter')) {
      const box = input();
      if (box) box.value = '';
      state = '';
      applyFilter();
    }
  });
}
