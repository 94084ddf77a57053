// @ts-check
// The last lines of a console, on the page of its machine.

const LAST_OCTETS = 4096;
const LINES = 12;
const LOOK_MS = 5000;

const place = /** @type {HTMLElement} */ (document.getElementById('console-said'));
const api = place.dataset['api'] ?? '';
let seenTo = -1;

async function look() {
  if (document.hidden) return;
  const { recorded, line } = await (await fetch(api)).json();
  if (recorded.to !== seenTo) {
    const from = Math.max(recorded.from, recorded.to - LAST_OCTETS);
    const log = await fetch(`${api}/log?as=lines&from=${from}`);
    if (!log.ok) return;
    // The time stands in front of each line, and the first line may have lost its beginning.
    const lines = (await log.text()).trimEnd().split('\n').map((each) => each.replace(/^\S+ ?/, ''));
    place.textContent = lines.slice(-LINES).join('\n');
    place.scrollTop = place.scrollHeight;
    seenTo = recorded.to;
  }
  if (recorded.to === recorded.from) place.textContent = line.is === 'open' ? 'It has said nothing yet.' : `Nothing is recorded: the line is ${line.is}${line.because ? `, ${line.because}` : ''}.`;
}

const lookAgain = () => void look().catch(() => undefined);
lookAgain();
setInterval(lookAgain, LOOK_MS);
document.addEventListener('visibilitychange', lookAgain);
