/** Why an agent or a bundle could not be made; `code` decides, the message ends in what can be done. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: 'apt' | 'no-package' | 'tool-missing' | 'bad-package';

  constructor(code: BuildError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
