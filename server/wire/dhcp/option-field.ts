import { joined } from '../../core/octets.ts';
import { OPT, CONCATENATED } from './options.ts';

/** One option to send. */
export type OptionToSend = readonly [code: number, value: Uint8Array];

/** What one field of options held. */
interface FieldRead {
  /** Whether END was met. */
  readonly ended: boolean;
  /** Whether an option ran past the field; what came before it was taken (RFC 2131 §4.1). */
  readonly overran: boolean;
}

/**
 * Adds the options of one field to `into`, joining the parts of an option met before (RFC 3396 §7). Never reads beyond
 * the field.
 */
export function readField(field: Uint8Array, into: Map<number, Uint8Array>): FieldRead {
  let at = 0;
  while (at < field.length) {
    const code = field[at] ?? OPT.end;
    at += 1;
    if (code === OPT.end) return { ended: true, overran: false };
    if (code === OPT.pad) continue;
    const length = field[at];
    if (length === undefined || at + 1 + length > field.length) return { ended: false, overran: true };
    const value = field.subarray(at + 1, at + 1 + length);
    const before = into.get(code);
    into.set(code, before === undefined ? value : joined(before, value));
    at += 1 + length;
  }
  return { ended: false, overran: false };
}

/** Octets an option takes on the wire, in parts where it is long; nothing when it may not be sent at all. */
export function octetsOnWire([code, value]: OptionToSend): number | undefined {
  if (value.length <= 255) return 2 + value.length;
  if (!CONCATENATED.has(code)) return undefined;
  return value.length + 2 * Math.ceil(value.length / 255);
}

/** Writes an option at `at`, in parts of at most 255 octets (RFC 3396 §5), and says where the next one goes. */
export function writeOption(into: Uint8Array, at: number, [code, value]: OptionToSend): number {
  let next = at;
  for (let from = 0; from === 0 || from < value.length; from += 255) {
    const part = value.length <= 255 ? value : value.subarray(from, from + 255);
    into[next] = code;
    into[next + 1] = part.length;
    into.set(part, next + 2);
    next += 2 + part.length;
  }
  return next;
}
