/** Why a database file was not opened. None of them is cured by trying again. */
export type RefusalCode = 'corrupt' | 'foreign' | 'newer-schema' | 'edited-migration';

/** The database was left as it is and must not be used; the message is one line and ends in the remedy. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
