/** What the DHCP listener has seen since it started; each message that is not answered is counted under its reason. */
export interface DhcpCounters {
  received: number;
  sent: number;
  /** Not a DHCP message, or one that lies about itself. */
  malformed: number;
  /** `op` was not BOOTREQUEST. */
  notRequests: number;
  /** Without option 53. */
  bootp: number;
  /** From ourselves. */
  looped: number;
  /** For a giaddr or interface that is not served. */
  unknownNetwork: number;
  /** Dropped because too many were waiting. */
  overflowed: number;
  /** Ignored on purpose: strangers, other servers' clients, DECLINEs of strangers … */
  ignored: number;
  /** Answers whose options did not all fit; option 82 among them (RFC 3046 §2.2). */
  truncated: number;
  /** Messages that made the code or the store fail; each is in the log. */
  failed: number;
  /** Answers the kernel did not take. */
  unsent: number;
}

/** All at nought. */
export function noCounts(): DhcpCounters {
  return {
    received: 0,
    sent: 0,
    malformed: 0,
    notRequests: 0,
    bootp: 0,
    looped: 0,
    unknownNetwork: 0,
    overflowed: 0,
    ignored: 0,
    truncated: 0,
    failed: 0,
    unsent: 0,
  };
}
