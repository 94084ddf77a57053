import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A dnsmasq as DHCP and TFTP server on one interface of the current (private) network namespace. */
export interface Dnsmasq {
  /** All it has logged so far. */
  log(): string;
  /** Resolves with the log once it matches; rejects after `timeoutMs`. */
  sees(pattern: RegExp, timeoutMs: number): Promise<string>;
  stop(): Promise<void>;
}

/** Starts Debian's dnsmasq with 10.77.x.100-199 of the given /24 and further lines of configuration. */
export async function startDnsmasq(
  folder: string,
  network: { readonly bridge: string; readonly prefix24: string },
  lines: readonly string[],
): Promise<Dnsmasq> {
  const file = join(folder, 'dnsmasq.conf');
  const { bridge, prefix24 } = network;
  const base = [
    ...['port=0', `interface=${bridge}`, 'bind-interfaces', 'no-ping', 'log-dhcp', 'leasefile-ro', 'user=root'],
    ...[`dhcp-range=${prefix24}.100,${prefix24}.199,255.255.255.0,1h`, 'enable-tftp', `tftp-root=${folder}`],
  ];
  await writeFile(file, [...base, ...lines, ''].join('\n'));
  const args = ['--keep-in-foreground', '--log-facility=-', '--conf-file=' + file, '--pid-file='];
  const child = spawn('/usr/sbin/dnsmasq', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const waiting = new Set<() => void>();
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    for (const look of waiting) look();
  });
  const sees = (pattern: RegExp, timeoutMs: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        waiting.delete(look);
        clearTimeout(timer);
        settle();
      };
      const look = (): void => {
        if (pattern.test(text))
          end(() => {
            resolve(text);
          });
      };
      const timer = setTimeout(() => {
        end(() => {
          reject(new Error(`dnsmasq never logged ${String(pattern)}:\n${text}`));
        });
      }, timeoutMs);
      waiting.add(look);
      look();
    });
  await sees(/DHCP, IP range/, 5000);
  return {
    log: () => text,
    sees,
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
