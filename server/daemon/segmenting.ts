import { arch, platform } from 'node:process';
import { loadUdpCalls } from '../net/native-udp.ts';
import { probeSegmenting, type Segmenting } from '../net/segmented-send.ts';
import type { Log } from '../ports/log.ts';

/** The kernel's way of sending a TFTP window in one call, or nothing and why in the log: packets go out singly then. */
export async function findSegmenting(log: Log): Promise<Segmenting | undefined> {
  const calls = await loadUdpCalls(platform, arch);
  const found = calls.ok ? probeSegmenting(calls.value) : calls;
  if (found.ok) return found.value;
  log.info('TFTP windows are sent packet by packet', { because: found.error });
  return undefined;
}
