/** Where a kernel-argument word comes from. */
export type ArgOrigin = 'site' | 'bundle' | 'board' | 'machine' | 'boot';

/** One word of the kernel arguments. */
export interface KernelArg {
  readonly word: string;
  readonly origin: ArgOrigin;
}

/** A limit of one layer that the arguments are measured against. */
export interface ArgLimit {
  readonly layer: string;
  /** Octets as that layer will hold them. */
  readonly octets: number;
  readonly octetsMax: number;
}

/** The composed arguments and how they measure. */
export interface ArgMeasure {
  readonly words: readonly KernelArg[];
  /** Words joined by single blanks, before any format's escaping. */
  readonly text: string;
  readonly limits: readonly ArgLimit[];
}
