/** The exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, refused: 4, timedOut: 124 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command that did not do what it was asked; the message ends in the remedy and goes to stderr. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exit: ExitCode;
  constructor(exit: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}
