const LINE_LETTERS_MAX = 512;
const ESC = 27;
const BEL = 7;

/** A line of a console, or its beginning: a prompt waits on a line that does not end. */
export interface ConsoleText {
  readonly text: string;
  readonly isWhole: boolean;
}

type State = 'text' | 'escape' | 'sequence' | 'string' | 'one';

/**
 * Octets to lines, for looking at only: escape sequences (ECMA-48) and control characters are left out, letters beyond
 * 512 of a line as well. Memory is bounded whatever comes.
 */
export class ConsoleLines {
  #state: State = 'text';
  #line = '';

  /** The lines that ended in these octets, and the one that has not when it looks like a prompt. */
  take(octets: Uint8Array): readonly ConsoleText[] {
    const lines: ConsoleText[] = [];
    for (const octet of octets) {
      if (octet === 10 || octet === 13) {
        if (this.#line !== '') lines.push({ text: this.#line, isWhole: true });
        this.#line = '';
        this.#state = 'text';
      } else this.#next(octet);
    }
    if (/[:>#$)] ?$/.test(this.#line)) lines.push({ text: this.#line, isWhole: false });
    return lines;
  }

  #next(octet: number): void {
    switch (this.#state) {
      case 'text':
        if (octet === ESC) this.#state = 'escape';
        else if (octet >= 32 && octet !== 127 && this.#line.length < LINE_LETTERS_MAX)
          this.#line += String.fromCharCode(octet);
        return;
      case 'escape':
        this.#state = afterEscape(octet);
        return;
      case 'sequence':
        if (octet >= 64) this.#state = 'text';
        return;
      case 'string':
        if (octet === BEL || octet === ESC) this.#state = octet === ESC ? 'escape' : 'text';
        return;
      case 'one':
        this.#state = 'text';
    }
  }
}

function afterEscape(octet: number): State {
  const letter = String.fromCharCode(octet);
  if (letter === '[') return 'sequence';
  if (']PX^_'.includes(letter)) return 'string';
  return '()*+#%'.includes(letter) ? 'one' : 'text';
}
