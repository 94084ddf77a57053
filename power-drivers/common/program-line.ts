import type { ChildProcess } from 'node:child_process';
import { PowerError, type PowerEdges, type PowerErrorCode } from '../../server/ports/power-driver.ts';
import { endFamily, markOf, startProgram, type ProgramStart } from './program-family.ts';

/** Letters of one line, and of what it says on standard error as far as that is kept. */
const LINE_MAX = 64 * 1024;
const ERROR_MAX = 2000;
/** Lines before `ready`. */
const OPENING_MAX = 64;
/** What all processes of such a program have in their environment, with a random number. */
const MARK = 'FARRIER_PRETEND';

/** How long it may take; milliseconds. */
export interface LineDeadlines {
  readonly readyMs: number;
  readonly answerMs: number;
}

/** A running program that answers each line with one line. */
export interface ProgramLine {
  /** What it said before `ready`. */
  readonly opening: readonly string[];
  /** Says a line and gives its answer. Once it has ended, spoken unasked or kept silent, every question throws why. */
  ask(words: string): Promise<string>;
  /** Ends it with all that came of it. */
  close(): Promise<void>;
}

/**
 * Starts a program that says `ready` on a line of its own and then answers one line with one line, on its standard input and
 * output. Throws a `PowerError`: `timeout` (silent), `refused` (ended, or said what it should not), `tool-missing`, `busy`.
 */
export async function openProgramLine(
  start: ProgramStart,
  deadlines: LineDeadlines,
  edges: PowerEdges,
): Promise<ProgramLine> {
  const mark = markOf(MARK, edges.rng);
  const child = startProgram(start, mark);
  let ending: Promise<void> | undefined;
  // Once, and soon after it has ended: later a group's number may be somebody else's.
  const end = (): Promise<void> => (ending ??= endFamily(child, mark.text));
  const ears = listen(child, start.name, { ...edges, failed: end });
  child.once('exit', () => void end());
  child.once('close', (code, killedBy) => {
    ears.fail('refused', code === null ? `ended by signal ${String(killedBy)}` : `ended with exit code ${code}`);
  });
  const close = async (): Promise<void> => {
    ears.fail('refused', 'was ended');
    await end();
    child.stdout.destroy();
    child.stderr.destroy();
  };
  try {
    const opening = await openingOf(ears, deadlines.readyMs);
    return { opening, close, ask: askInTurn(child, ears, deadlines.answerMs) };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** What a program says, line by line. */
interface Ears {
  /** The next line, when it comes in time. */
  next(withinMs: number): Promise<string>;
  /** A line that was said and not waited for. */
  unasked(): string | undefined;
  /** From now on nothing is heard any more; the first reason counts. */
  fail(code: PowerErrorCode, words: string): void;
}

function listen(
  child: ChildProcess,
  name: string,
  { clock, failed }: Pick<PowerEdges, 'clock'> & { readonly failed: () => unknown },
): Ears {
  const lines: string[] = [];
  let [text, complaint] = ['', ''];
  let fault: PowerError | undefined;
  let heard = (): void => undefined;
  const fail: Ears['fail'] = (code, words) => {
    if (fault) return;
    const last = complaint.trim().split('\n').at(-1) ?? '';
    fault = new PowerError(code, `${name} ${words}${last === '' ? '' : `: ${last.slice(0, 200)}`}`);
    heard();
    failed();
  };
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    if (fault) return;
    const [first = '', ...rest] = more.split('\n');
    text += first;
    for (const line of rest) {
      lines.push(text.trim());
      text = line;
    }
    if (text.length > LINE_MAX || lines.length > OPENING_MAX) fail('refused', 'says more than it is asked');
    heard();
  });
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    complaint = (complaint + more).slice(-ERROR_MAX);
  });
  child.once('error', (cause) => {
    fail('tool-missing', `cannot be run: ${cause.message}`);
  });
  child.stdin?.on('error', () => undefined);
  return {
    fail,
    unasked: () => lines.shift(),
    next: (withinMs) =>
      new Promise((resolve, reject) => {
        const cancel = clock.after(withinMs, () => {
          fail('timeout', `said nothing for ${withinMs} ms`);
        });
        heard = () => {
          if (!fault && lines.length === 0) return;
          heard = () => undefined;
          cancel();
          if (fault) reject(fault);
          else resolve(lines.shift() ?? '');
        };
        heard();
      }),
  };
}

async function openingOf(ears: Ears, readyMs: number): Promise<readonly string[]> {
  const opening: string[] = [];
  for (;;) {
    const line = await ears.next(readyMs);
    if (line === 'ready') return opening;
    opening.push(line);
    if (opening.length > OPENING_MAX) ears.fail('refused', `says more than ${OPENING_MAX} lines and never "ready"`);
  }
}

function askInTurn(child: ChildProcess, ears: Ears, answerMs: number): ProgramLine['ask'] {
  let before: Promise<unknown> = Promise.resolve();
  const ask = (words: string): Promise<string> => {
    const stray = ears.unasked();
    if (stray !== undefined) ears.fail('refused', `said "${stray.slice(0, 80)}" without being asked`);
    child.stdin?.write(`${words}\n`);
    return ears.next(answerMs);
  };
  return (words) => {
    const answer = before.then(() => ask(words));
    before = answer.catch(() => undefined);
    return answer;
  };
}
