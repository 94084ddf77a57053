import type { Ipv4 } from '../core/address.ts';
import type { TransferReport } from '../ports/boot-files.ts';
import type { TftpTerms } from '../wire/tftp/negotiate.ts';

const PEERS_MAX = 4096;
/** The part of the blocks sent again beyond which the window was too wide for the board's receive ring. */
const LOSS_RATIO_MAX = 0.02;
/** A board that was given this much again is no longer worth remembering. */
const WINDOWSIZE_FORGIVEN = 64;

/**
 * Remembers which boards lost blocks, so that their next window is half as wide. Within a transfer the window cannot
 * shrink: the client acknowledges only a full one (RFC 7440 §4). A clean transfer doubles it again.
 */
export class LossMemory {
  readonly #windows = new Map<Ipv4, number>();

  /** The widest window to grant now, never wider than `most`. */
  windowsizeMax(peer: Ipv4, most: number): number {
    return Math.min(most, this.#windows.get(peer) ?? most);
  }

  /** Learns from a transfer that has ended. */
  note(peer: Ipv4, terms: TftpTerms, report: TransferReport): void {
    const blocks = Math.max(1, report.octetsSent / terms.blksize);
    const isLossy = terms.windowsize > 1 && report.retransmits / blocks > LOSS_RATIO_MAX;
    if (!isLossy && !this.#windows.has(peer)) return;
    const next = isLossy ? terms.windowsize >> 1 : terms.windowsize * 2;
    this.#windows.delete(peer);
    if (next < WINDOWSIZE_FORGIVEN) this.#windows.set(peer, next);
    const oldest = this.#windows.keys().next();
    if (this.#windows.size > PEERS_MAX && !oldest.done) this.#windows.delete(oldest.value);
  }
}
