import type { ReadStream, WriteStream } from 'node:tty';
import type { Terminal } from './deps.ts';

/** Return, line feed, and Ctrl-D. */
const ENDS = ['\r', '\n', '\u0004'];

/** Reads one line with the echo off; Ctrl-C ends the process as it would anywhere. */
function readHidden(input: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    const end = (): void => {
      input.off('data', take);
      input.setRawMode(false);
      input.pause();
    };
    const take = (piece: Buffer | string): void => {
      for (const letter of piece.toString()) {
        if (letter === '\u0003') {
          end();
          reject(new Error('interrupted'));
          return;
        }
        if (ENDS.includes(letter)) {
          end();
          resolve(typed);
          return;
        }
        typed = letter === '\u007f' || letter === '\b' ? typed.slice(0, -1) : typed + letter;
      }
    };
    input.setRawMode(true);
    input.setEncoding('utf8');
    input.on('data', take);
    input.resume();
  });
}

/** The process's own terminal and pipes. */
export function createTerminal(
  streams: { readonly stdin: ReadStream; readonly stdout: WriteStream; readonly stderr: WriteStream },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const { stdin, stdout, stderr } = streams;
  return {
    writeOut: (text) => {
      stdout.write(text);
    },
    writeErr: (text) => {
      stderr.write(text);
    },
    colour: stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    canAsk: stdin.isTTY && stderr.isTTY,
    askSecret: async (question) => {
      stderr.write(question);
      try {
        return await readHidden(stdin);
      } finally {
        stderr.write('\n');
      }
    },
    readStdin: async () => {
      const pieces: Buffer[] = [];
      for await (const piece of stdin as AsyncIterable<Buffer>) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    },
  };
}
