import { ipv4, type Ipv4 } from '../core/address.ts';
import { ok, err, type Result } from '../core/result.ts';
import type { UdpCalls } from './native-udp.ts';

/** What became of a run of packets. */
export type RunSent =
  /** They are out, or the kernel had no room and the timer will see to it, as with any loss. */
  | 'taken'
  /** The client's host says that nobody listens there. */
  | 'port-closed'
  /** The kernel or the interface cannot cut them: send them one by one, from now on. */
  | 'refused';

/** A port whose kernel cuts a run of packets into datagrams by itself: one system call for a whole window. */
export interface SegmentingPort {
  /** For dgram, which receives on it, connects it and closes it. */
  readonly fd: number;
  /** Packets back to back, each of the size the port was opened for but the last, which may be shorter. */
  sendRun(packets: Uint8Array): RunSent;
}

/** Opens such ports. */
export interface Segmenting {
  /** Nothing when the kernel will not; the ordinary way is open then. */
  open(address: Ipv4, port: number, packetOctets: number): SegmentingPort | undefined;
}

/** Of one call: what UDP carries, and what Linux before 6.x cuts (UDP_MAX_SEGMENTS). */
const RUN_OCTETS_MAX = 65_507;
const RUN_PACKETS_MAX = 64;
const EAGAIN = 11;
const ENOBUFS = 105;
const ECONNREFUSED = 111;
const ANY_PORT = 0;
const LOOPBACK = ipv4(0x7f000001);
const PROBED_OCTETS = 1472;

/**
 * Asks the kernel once whether it cuts packets (Linux 4.18 and newer). Without the question an older one would send a
 * window as a single huge datagram. The error says what it answered.
 */
export function probeSegmenting(calls: UdpCalls): Result<Segmenting> {
  const socket = calls.open(LOOPBACK, ANY_PORT);
  if ('errno' in socket) return err(`a UDP socket could not be opened (errno ${socket.errno})`);
  const set = calls.setSegment(socket.value, PROBED_OCTETS);
  calls.close(socket.value);
  if ('errno' in set) return err(`this kernel does not cut packets (errno ${set.errno})`);
  return ok({ open: (address, port, packetOctets) => openPort(calls, address, port, packetOctets) });
}

function openPort(calls: UdpCalls, address: Ipv4, port: number, packetOctets: number): SegmentingPort | undefined {
  const socket = calls.open(address, port);
  if ('errno' in socket) return undefined;
  const fd = socket.value;
  if ('errno' in calls.setSegment(fd, packetOctets)) {
    calls.close(fd);
    return undefined;
  }
  const atOnce = Math.min(RUN_PACKETS_MAX, Math.floor(RUN_OCTETS_MAX / packetOctets)) * packetOctets;
  let isRefused = false;
  const refuse = (): RunSent => {
    isRefused = true;
    // A socket that is told to cut refuses even a single packet that is larger than the way.
    calls.setSegment(fd, 0);
    return 'refused';
  };
  return {
    fd,
    sendRun: (packets) => {
      if (isRefused) return 'refused';
      for (let at = 0; at < packets.length; at += atOnce) {
        const sent = calls.send(fd, packets.subarray(at, at + atOnce));
        if (!('errno' in sent)) continue;
        if (sent.errno === ECONNREFUSED) return 'port-closed';
        if (sent.errno === EAGAIN || sent.errno === ENOBUFS) return 'taken';
        return refuse();
      }
      return 'taken';
    },
  };
}
