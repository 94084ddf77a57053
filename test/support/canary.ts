import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild, saidBy } from '../../lab/child-process.ts';

/** A secret in the dresses it may leak in. */
export function dressesOf(secret: string): readonly string[] {
  const octets = Buffer.from(secret);
  // A secret in the middle of a longer text has three base64 forms; the ends differ with what stands beside it.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.from('\0'.repeat(shift) + secret)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  );
  return [secret, octets.toString('hex'), encodeURIComponent(secret), ...base64];
}

/** Which of the texts or files hold a secret, in any dress; named by where they came from. */
export function findings(secret: string, places: ReadonlyMap<string, Buffer>): readonly string[] {
  const dresses = dressesOf(secret);
  return [...places].flatMap(([place, octets]) => (dresses.some((dress) => octets.includes(dress)) ? [place] : []));
}

/** Every regular file below a folder, by path. */
export function filesBelow(folder: string): ReadonlyMap<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return new Map(files.filter((file) => statSync(file).isFile()).map((file) => [file, readFileSync(file)] as const));
}

/** Watches every process's arguments and environment until stopped; gives all that was ever there. */
export function watchProcesses(): { stop(): ReadonlyMap<string, Buffer> } {
  const seen = new Map<string, Buffer>();
  const look = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      for (const what of ['cmdline', 'environ'])
        try {
          const octets = readFileSync(`/proc/${pid}/${what}`);
          seen.set(`${what} ${octets.toString('latin1')}`, octets);
        } catch {
          // It ended between the two looks.
        }
  };
  const timer = setInterval(look, 20);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return seen;
    },
  };
}

/** Octets that cross an interface, until stopped; needs Debian's tcpdump. */
export async function watchWire(device: string): Promise<{ stop(): Promise<Buffer> }> {
  const folder = mkdtempSync(join(tmpdir(), 'farrier-wire-'));
  const file = join(folder, 'wire.pcap');
  const child = spawn('tcpdump', ['-i', device, '-U', '-s', '0', '-Z', 'root', '-w', file, '--immediate-mode']);
  await saidBy(child).has('listening on', 30_000);
  return {
    stop: async () => {
      // Packets of the last instant are still on their way through the kernel.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await endChild(child, { by: 'SIGINT' });
      const octets = readFileSync(file);
      rmSync(folder, { recursive: true });
      return octets;
    },
  };
}
