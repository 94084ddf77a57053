import { err, ok, type Result } from '../core/result.ts';

/** What a piece of typing holds: keys for the board, or a letter after the escape key. */
export type Typing =
  { readonly is: 'keys'; readonly octets: Uint8Array } | { readonly is: 'command'; readonly letter: string };

/** `Ctrl-]`, as telnet and virsh have it. */
export const ESCAPE_DEFAULT = 0x1d;

/** Reads an escape key: `^]` is Ctrl-], a single ASCII character is itself. Gives its octet. */
export function parseEscape(text: string): Result<number> {
  const octet = text.codePointAt(text.length - 1) ?? 0;
  if (/^\^[@-_a-z]$/.test(text)) return ok(octet & 0x1f);
  if (/^[!-~]$/.test(text)) return ok(octet);
  return err(`"${text.slice(0, 20)}" cannot be an escape key; write one like ^] or ~`);
}

/** `Ctrl-]` of an octet. */
export function escapeWords(octet: number): string {
  return octet < 0x20 ? `Ctrl-${String.fromCharCode(octet + 0x40)}` : String.fromCharCode(octet);
}

/**
 * Tells keys from commands. The escape key begins a command of one more letter, however the pieces come; typed twice
 * it goes to the board once.
 */
export function createEscapes(escape: number): (piece: Uint8Array) => readonly Typing[] {
  let isEscaped = false;
  return (piece) => {
    const found: Typing[] = [];
    let keys: number[] = [];
    const endKeys = (): void => {
      if (keys.length > 0) found.push({ is: 'keys', octets: Uint8Array.from(keys) });
      keys = [];
    };
    for (const octet of piece) {
      const wasEscaped = isEscaped;
      isEscaped = !wasEscaped && octet === escape;
      if (isEscaped) continue;
      if (!wasEscaped || octet === escape) {
        keys.push(octet);
        continue;
      }
      endKeys();
      found.push({ is: 'command', letter: String.fromCharCode(octet) });
    }
    endKeys();
    return found;
  };
}
