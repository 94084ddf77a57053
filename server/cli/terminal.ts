import type { Terminal } from './deps.ts';

/** Standard input, as far as it is used: a pipe has neither of the two. */
interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}
interface Output {
  readonly isTTY?: boolean;
  write(piece: string | Uint8Array, taken?: (error?: Error | null) => void): unknown;
}

/** Return, line feed, and Ctrl-D. */
const ENDS = ['\r', '\n', '\u0004'];
const INTERRUPT = '\u0003';
const RUBOUTS = ['\u007f', '\b'];

/** What was typed so far, and how it ended, if it did; `rest` was typed ahead for the next question. */
interface Typed {
  readonly text: string;
  readonly end: 'line' | 'interrupt' | undefined;
  readonly rest: string;
}

function take(before: string, piece: string): Typed {
  let text = before;
  const letters = Array.from(piece);
  for (const [index, letter] of letters.entries()) {
    const rest = letters.slice(index + 1).join('');
    if (letter === INTERRUPT) return { text, end: 'interrupt', rest };
    if (ENDS.includes(letter)) return { text, end: 'line', rest };
    text = RUBOUTS.includes(letter) ? Array.from(text).slice(0, -1).join('') : text + letter;
  }
  return { text, end: undefined, rest: '' };
}

/** Reads one line with the echo off. @throws when it is interrupted or the terminal goes away */
function readHidden(input: Input): Promise<string> {
  const decoder = new TextDecoder();
  let typed = '';
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      input.off('data', read).off('end', gone);
      input.setRawMode?.(false);
      input.pause();
    };
    const gone = (): void => {
      stop();
      reject(new Error('the terminal went away before an answer'));
    };
    const read = (piece: Buffer): void => {
      const { text, end, rest } = take(typed, decoder.decode(piece, { stream: true }));
      typed = text;
      if (end === undefined) return;
      stop();
      if (rest !== '') input.unshift(Buffer.from(rest));
      if (end === 'line') resolve(typed);
      else reject(new Error('interrupted'));
    };
    input.setRawMode?.(true);
    input.on('data', read).on('end', gone);
    input.resume();
  });
}

/** Keys as they are typed, until the answer is called. */
function takeKeys(input: Input, heard: (octets: Uint8Array) => void, gone: () => void): () => void {
  const read = (piece: Buffer): void => {
    heard(piece);
  };
  input.setRawMode?.(true);
  input.on('data', read).on('end', gone);
  input.resume();
  return () => {
    input.off('data', read).off('end', gone);
    input.setRawMode?.(false);
    input.pause();
  };
}

/** The process's own terminal and pipes. `env` is asked for NO_COLOR and TERM. */
export function createTerminal(
  { stdin, stdout, stderr }: { readonly stdin: Input; readonly stdout: Output; readonly stderr: Output },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  return {
    writeOut: (text) => {
      stdout.write(text);
    },
    writeErr: (text) => {
      stderr.write(text);
    },
    colour: stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    askSecret: async (question) => {
      // The echo goes off before the question is seen: a quick typist would show the first letters.
      const answer = readHidden(stdin);
      stderr.write(question);
      try {
        return await answer;
      } finally {
        stderr.write('\n');
      }
    },
    writeOctets: (octets) =>
      new Promise((resolve, reject) => {
        stdout.write(octets, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    ...(stdin.isTTY === true
      ? ({ takeKeys: (heard, gone) => takeKeys(stdin, heard, gone) } satisfies Pick<Terminal, 'takeKeys'>)
      : {}),
    readStdin: async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of stdin) pieces.push(Buffer.from(piece));
      return Buffer.concat(pieces).toString();
    },
  };
}
