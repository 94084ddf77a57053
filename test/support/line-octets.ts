import type { ConsoleLine } from '../../server/ports/console.ts';

/** Listens to a line and gives the first octets of it, once that many have come. */
export function collect(line: ConsoleLine, octets: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const heard: Uint8Array[] = [];
    let count = 0;
    line.listen((more) => {
      heard.push(more);
      count += more.length;
      if (count >= octets) resolve(Buffer.concat(heard));
    });
  });
}
