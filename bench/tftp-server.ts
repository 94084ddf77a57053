/** The TFTP listener alone, serving one file: the program whose CPU time `bench/tftp.ts` reads. */
import { readFileSync } from 'node:fs';
import { parseIpv4, parseSubnet } from '../server/core/address.ts';
import { sha256Of } from '../server/edges/digest.ts';
import { findSegmenting } from '../server/daemon/segmenting.ts';
import { realClock } from '../server/edges/real-clock.ts';
import type { Result } from '../server/core/result.ts';
import { startTftpListener } from '../server/net/tftp-listener.ts';
import { contentInMemory } from '../server/ports/artefacts.ts';

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const [address = '', subnet = '', file = '', way = ''] = process.argv.slice(2);
const whole = readFileSync(file);
const content = contentInMemory(sha256Of(whole), whole);
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: console.error };
await startTftpListener({
  addresses: [{ address: must(parseIpv4(address)), subnets: [must(parseSubnet(subnet))] }],
  port: 69,
  files: { open: () => Promise.resolve({ is: 'file', content, ended: quiet }) },
  clock: realClock,
  log,
  segmenting: way === 'segmenting' ? await findSegmenting({ ...log, info: console.error }) : undefined,
});
