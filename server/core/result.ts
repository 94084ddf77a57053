/** The answer of anything that may lawfully say no: a value, or the reason in words an operator can act on. */
export type Result<T, E = string> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** Wraps a value that was found or made. */
export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value });

/** Wraps the reason why there is no value. */
export const err = <E>(error: E): Result<never, E> => ({ ok: false, error });
