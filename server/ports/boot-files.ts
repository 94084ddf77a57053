import type { Ipv4 } from '../core/address.ts';
import type { TftpHabits } from '../core/board.ts';
import type { Content } from './artefacts.ts';

/** A loader asks for a file by a path from the wire. The path is hostile until resolved. */
export interface FileRequest {
  readonly via: 'tftp' | 'http';
  /** As asked, already split from the protocol; may begin with a slash. */
  readonly path: string;
  readonly peer: Ipv4;
  /** Our address it was asked on. */
  readonly local: Ipv4;
}

/** How a transfer ended, for the timeline. */
export interface TransferReport {
  readonly outcome: 'done' | 'aborted-by-peer' | 'gave-up' | 'failed';
  readonly octetsSent: number;
  readonly durationMs: number;
  /** Blocks sent again (TFTP only). */
  readonly retransmits: number;
  /** What was agreed or what went wrong: `blksize 1468, windowsize 4`, `ERROR 8 from the client`. */
  readonly words: string;
}

/** What a request for a file comes to; the listener says it in its protocol's words. */
export type FileAnswer =
  | {
      readonly is: 'file';
      readonly content: Content;
      /** The habits of the asker's board, for TFTP; nothing when who asks is not known. */
      readonly habits?: TftpHabits | undefined;
      ended(report: TransferReport): void;
    }
  /** Nothing by that name for this peer; a normal thing (firmware searches). */
  | { readonly is: 'absent' }
  /** There is a reason, and the machine's timeline tells it; on the wire it is "not found". */
  | { readonly is: 'refused'; readonly because: string };

/** Answers file requests of both protocols from the boot plan and the artefacts. */
export interface BootFiles {
  open(request: FileRequest): Promise<FileAnswer>;
}
