const LINE_LETTERS_MAX = 512;
const ESC = 27;
const BEL = 7;

/** A line of a console, or its beginning: a prompt waits on a line that does not end. */
export interface ConsoleText {
  readonly text: string;
  readonly isWhole: boolean;
}

type State = 'text' | 'escape' | 'sequence' | 'string' | 'one';

/** Tells text from what a terminal would obey: escape sequences (ECMA-48 §5.4) and control characters, octet by octet. */
export class EscapeFilter {
  #state: State = 'text';

  /** Whether this octet is part of the text; those of characters beyond ASCII are. */
  isText(octet: number): boolean {
    const was = this.#state;
    this.#state = stateAfter(was, octet);
    return was === 'text' && octet >= 32 && octet !== 127;
  }

  /** Begins anew: a line's end ends every sequence. */
  reset(): void {
    this.#state = 'text';
  }
}

/**
 * Octets to lines, for looking at only: what is no text is left out, letters beyond 512 of a line as well. Memory is
 * bounded whatever comes.
 */
export class ConsoleLines {
  readonly #filter = new EscapeFilter();
  #line = '';

  /** The lines that ended in these octets, and the one that has not when it looks like a prompt. */
  take(octets: Uint8Array): readonly ConsoleText[] {
    const lines: ConsoleText[] = [];
    for (const octet of octets) {
      if (octet === 10 || octet === 13) {
        if (this.#line !== '') lines.push({ text: this.#line, isWhole: true });
        this.#line = '';
        this.#filter.reset();
      } else if (this.#filter.isText(octet) && this.#line.length < LINE_LETTERS_MAX)
        this.#line += String.fromCharCode(octet);
    }
    if (/[:>#$)] ?$/.test(this.#line)) lines.push({ text: this.#line, isWhole: false });
    return lines;
  }
}

function stateAfter(state: State, octet: number): State {
  switch (state) {
    case 'text':
      return octet === ESC ? 'escape' : 'text';
    case 'escape':
      return afterEscape(octet);
    case 'sequence':
      return octet >= 64 ? 'text' : 'sequence';
    case 'string':
      if (octet === ESC) return 'escape';
      return octet === BEL ? 'text' : 'string';
    case 'one':
      return 'text';
  }
}

function afterEscape(octet: number): State {
  const letter = String.fromCharCode(octet);
  if (letter === '[') return 'sequence';
  if (']PX^_'.includes(letter)) return 'string';
  return '()*+#%'.includes(letter) ? 'one' : 'text';
}
