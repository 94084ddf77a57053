/** The TFTP listener alone, serving one file: the program whose CPU time `bench/tftp.ts` reads. */
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { parseIpv4, parseSha256, parseSubnet } from '../server/core/address.ts';
import type { Result } from '../server/core/result.ts';
import { startTftpListener } from '../server/net/tftp-listener.ts';
import type { Content } from '../server/ports/artefacts.ts';
import type { Clock } from '../server/ports/clock.ts';

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const [address = '', subnet = '', file = ''] = process.argv.slice(2);
const whole = readFileSync(file);
const content: Content = {
  octets: whole.length,
  sha256: must(parseSha256(createHash('sha256').update(whole).digest('hex'))),
  whole,
  read: (at, octets) => Promise.resolve(whole.subarray(at, at + octets)),
  close: () => undefined,
};
const clock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
const quiet = (): void => undefined;
await startTftpListener({
  addresses: [{ address: must(parseIpv4(address)), subnets: [must(parseSubnet(subnet))] }],
  port: 69,
  files: { open: () => Promise.resolve({ is: 'file', content, ended: quiet }) },
  clock,
  log: { debug: quiet, info: quiet, warn: quiet, error: console.error },
});
