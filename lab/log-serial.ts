import type { Clock } from '../server/ports/clock.ts';
import type { BmcSerial } from './bmc-sol.ts';
import type { BoardLogEntry } from './virtual/hands.ts';

/** The serial line of a virtual board: it says what its log says, and echoes what is typed. */
export interface LogSerial extends BmcSerial {
  stop(): void;
}

const LOOK_MS = 200;

/** A line that looks into a board's log five times a second, until it is stopped. */
export function createLogSerial(log: () => readonly BoardLogEntry[], clock: Clock): LogSerial {
  let heard: (octets: Uint8Array) => void = () => undefined;
  let said: BoardLogEntry | undefined;
  const say = (text: string): void => {
    heard(Buffer.from(text));
  };
  const look = (): void => {
    const entries = log();
    const fresh = said === undefined ? entries : entries.slice(entries.lastIndexOf(said) + 1);
    said = fresh.at(-1) ?? said;
    if (fresh.length > 0) say(fresh.map(({ what, words }) => `${what}: ${words}\r\n`).join(''));
    stop = clock.after(LOOK_MS, look);
  };
  let stop = clock.after(LOOK_MS, look);
  return {
    listen: (hears) => {
      heard = hears;
    },
    write: (octets) => {
      heard(Buffer.from(Buffer.from(octets).toString('latin1').replaceAll('\r', '\r\n'), 'latin1'));
    },
    sendBreak: () => {
      say('\r\nbreak\r\n');
    },
    stop: () => {
      stop();
    },
  };
}
