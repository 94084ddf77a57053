import type { BmcSerial } from '../../lab/bmc-sol.ts';

/** A board's serial line in this process. */
export interface BoardSerial extends BmcSerial {
  say(octets: Uint8Array): void;
  told(): Buffer;
  breaks(): number;
}

/** A line nobody has. */
export function createBoardSerial(): BoardSerial {
  const told: Uint8Array[] = [];
  let heard: (octets: Uint8Array) => void = () => undefined;
  let breaks = 0;
  return {
    listen: (hears) => {
      heard = hears;
    },
    write: (octets) => told.push(octets),
    sendBreak: () => {
      breaks += 1;
    },
    say: (octets) => {
      heard(octets);
    },
    told: () => Buffer.concat(told),
    breaks: () => breaks,
  };
}
