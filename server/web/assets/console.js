// @ts-check
// The console page: live from the board, back through the record, and one boot once more.
import { makeReplay } from './console-replay.js';
import { layScreen } from './console-screen.js';
import { followConsole } from './console-stream.js';

/** So much of the record is shown at first, and so much more with each "earlier". */
const FIRST_OCTETS = 128 << 10;
const EARLIER_OCTETS = 1 << 20;

/** @param {string} id @returns {any} */
const the = (id) => document.getElementById(id);

const root = the('console');
const api = root.dataset.api;
const screen = layScreen(the('screen'), the('times'));
/** @type {ReturnType<typeof followConsole> | undefined} */
let live;
/** @type {ReturnType<typeof makeReplay> | undefined} */
let replay;
let recordedFrom = 0;
let shownFrom = 0;
let isWriter = false;
let link = 'waiting';
let line = { is: 'none', because: '' };

/** @param {string} words @param {string} tone */
function say(words, tone = '') {
  the('console-note').textContent = words;
  the('console-note').dataset.tone = tone;
}

function lineWords() {
  if (link === 'waiting') return 'connecting';
  if (link === 'lost') return 'Farrier does not answer; trying again';
  if (line.is === 'open') return 'live';
  if (line.is === 'connecting') return `opening the line${line.because ? `: ${line.because}` : ''}`;
  if (line.is === 'closed') return `the line is closed${line.because ? `: ${line.because}` : ''}`;
  return 'no console is set';
}

function tellState() {
  const sign = the('console-state');
  sign.textContent = replay ? 'a replay' : lineWords();
  sign.dataset.liveState = replay ? 'waiting' : link === 'live' && line.is !== 'open' ? 'waiting' : link;
}

/**
 * @param {{ name: string } | null} writer
 * @param {boolean} you
 * @param {boolean} may
 */
function tellWriter(writer, you, may) {
  isWriter = you;
  screen.term.options.disableStdin = !you;
  screen.term.options.cursorBlink = you;
  the('writer').textContent = you
    ? 'You have the keyboard: what you type goes to the board.'
    : writer
      ? `${writer.name} has the keyboard.`
      : 'Nobody has the keyboard.';
  the('writer').dataset.tone = you ? 'warning' : '';
  const take = the('take');
  take.hidden = !may || you;
  take.textContent = writer ? `Take the keyboard from ${writer.name}` : 'Take the keyboard';
  take.dataset.over = writer ? 'yes' : '';
  the('release').hidden = !you;
  the('break').hidden = !you || root.dataset.canBreak !== 'yes';
  if (you) screen.term.focus();
}

/** @param {number} from */
function goLive(from) {
  live?.end();
  replay?.pause();
  replay = undefined;
  // What the record holds may ask the terminal something; its answer is none of the board's now.
  tellWriter(null, false, false);
  the('replay-bar').hidden = true;
  screen.clear();
  shownFrom = from;
  the('earlier').hidden = from <= recordedFrom;
  live = followConsole(`${api}/stream`, from, {
    octets: (octets, _offset, atMs) => screen.write(octets, atMs),
    line: (now) => {
      line = { because: '', ...now };
      tellState();
    },
    writer: tellWriter,
    refused: (because) => say(because, 'bad'),
    state: (now) => {
      link = now;
      tellState();
      if (now === 'lost') void lookWhy();
    },
    gap: (octets) => say(`${octets} octets are not in the record any more`, 'warning'),
  });
}

/** A session that ended goes to the log-in by itself. */
async function lookWhy() {
  const seen = await fetch(api).catch(() => undefined);
  if (seen?.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  else if (seen && !seen.ok) say((await seen.json().catch(() => ({}))).detail ?? `refused with ${seen.status}`, 'bad');
}

async function start() {
  const answer = await fetch(api).catch(() => undefined);
  if (!answer?.ok) {
    await lookWhy();
    setTimeout(start, 3000);
    return;
  }
  const { recorded, canBreak } = await answer.json();
  root.dataset.canBreak = canBreak ? 'yes' : '';
  recordedFrom = recorded.from;
  goLive(Math.max(recorded.from, recorded.to - FIRST_OCTETS));
}

/** @param {number} ms */
function replayWords(ms) {
  const s = Math.floor(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

/** All pieces of a boot; one answer holds but a part of them. @param {string} boot */
async function fetchTimed(boot) {
  const chunks = [];
  for (let from = ''; ; ) {
    const address = `${api}/log?as=timed&boot=${encodeURIComponent(boot)}${from}`;
    const answer = await fetch(address).catch(() => undefined);
    const body = await answer?.json().catch(() => ({}));
    if (!answer?.ok) return say(body?.detail ?? 'Farrier did not answer', 'bad');
    chunks.push(...body.chunks);
    if (body.chunks.length === 0) return chunks;
    from = `&from=${body.to}`;
  }
}

async function startReplay() {
  const boot = the('boot').value;
  if (!boot) return;
  say('fetching the record …');
  const chunks = await fetchTimed(boot);
  if (!chunks) return;
  if (chunks.length === 0) return say('nothing was recorded of this boot', 'warning');
  say('');
  live?.end();
  live = undefined;
  tellWriter(null, false, false);
  screen.clear();
  const slider = the('at');
  const made = makeReplay(chunks, {
    write: screen.write,
    clear: screen.clear,
    moved: (ms, isOver) => {
      slider.value = String(Math.round(ms));
      the('at-words').textContent = `${replayWords(ms)} of ${replayWords(made.lengthMs)}`;
      the('play').textContent = isOver ? 'Again' : made.isRunning() ? 'Pause' : 'Go on';
    },
  });
  replay?.pause();
  replay = made;
  slider.max = String(made.lengthMs);
  the('replay-bar').hidden = false;
  tellState();
  made.speed(Number(the('speed').value));
  made.play();
  made.seek(0);
}

function tellDownloads() {
  const boot = the('boot').value;
  const of = boot ? `&boot=${encodeURIComponent(boot)}` : '';
  the('download-raw').href = `${api}/log?as=raw${of}`;
  the('download-lines').href = `${api}/log?as=lines${of}`;
}

/** @param {boolean} back */
function find(back) {
  const words = the('find').value;
  const found = words === '' || screen.find(words, back);
  the('find').toggleAttribute('aria-invalid', !found);
  if (!found && shownFrom > recordedFrom) say(`“${words}” is not in what is shown; “Earlier” shows more`);
  else say(found ? '' : `“${words}” is not in the record`);
}

screen.term.onData((/** @type {string} */ text) => {
  if (isWriter) live?.keys(text);
});
screen.term.onKey(() => {
  if (!isWriter) say('Keys go nowhere: take the keyboard first.');
});
the('take').addEventListener('click', () => live?.ask(the('take').dataset.over ? { do: 'take', over: true } : { do: 'take' }));
the('release').addEventListener('click', () => live?.ask({ do: 'release' }));
the('break').addEventListener('click', () => live?.ask({ do: 'break' }));
the('earlier').addEventListener('click', () => goLive(Math.max(recordedFrom, shownFrom - EARLIER_OCTETS)));
the('show-times').addEventListener('change', () => screen.showTimes(the('show-times').checked));
the('find-form').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  find(event.submitter?.id !== 'find-next');
});
the('boot').addEventListener('change', tellDownloads);
the('replay').addEventListener('click', () => void startReplay());
the('play').addEventListener('click', () => {
  if (!replay) return;
  if (replay.isRunning()) replay.pause();
  else replay.play();
  the('play').textContent = replay.isRunning() ? 'Pause' : 'Go on';
});
the('at').addEventListener('input', () => replay?.seek(Number(the('at').value)));
the('speed').addEventListener('change', () => replay?.speed(Number(the('speed').value)));
the('back-live').addEventListener('click', () => void start());
tellDownloads();
tellState();
void start();
