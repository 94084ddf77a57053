/** What went wrong with an artefact: only `too-big` is the sender's fault. */
export type ArtefactErrorCode = 'too-big' | 'unwritable' | 'unreadable' | 'damaged';

/** The folder of artefacts let us down; the message names the file and what to do. */
export class ArtefactError extends Error {
  override readonly name = 'ArtefactError';
  readonly code: ArtefactErrorCode;
  constructor(code: ArtefactErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
