/** Why an archive could not be read; `code` decides, the message ends in what can be done. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly code: 'tool-missing' | 'bad-package';

  constructor(code: ArchiveError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
