import type { BootFormat } from './board.ts';
import { faultOfWord, octetsOf } from './kernel-args.ts';
import { err, ok, type Result } from './result.ts';

/** Why a word cannot pass a format unchanged; nothing when it can. */
type Fault = (word: string) => string | undefined;

const FAULTS: Readonly<Record<BootFormat, Fault>> = {
  extlinux: () => undefined,
  // u-boot's hush knows no way to write a single quote; tried on 2023.01: "syntax error", or the script just ends.
  'boot-script': (word) => (word.includes("'") ? "u-boot's shell cannot carry a single quote" : undefined),
  grub: (word) => faultInGrub(word),
  ipxe: (word) => faultInIpxe(word),
  rpi: (word) => faultInRpi(word),
};

/**
 * On its way to the kernel GRUB puts a backslash before quotes and backslashes, and quotes around the whole of a word
 * that holds a blank.
 */
function faultInGrub(word: string): string | undefined {
  if (/["'\\]/.test(insideOfQuotes(word) ?? word))
    return 'GRUB changes quotes and backslashes; of quotes it carries those around a whole word with a blank: "name=a value"';
  return undefined;
}

/** A Raspberry Pi's firmware writes the serial port's real name over an alias; of other letters nothing is documented. */
function faultInRpi(word: string): string | undefined {
  if (/^console=serial[01]\b/.test(word)) return 'the firmware changes serial0 and serial1; write ttyS0 or ttyAMA0';
  return /[^\x20-\x7e]/.test(word) ? 'only plain ASCII is known to pass cmdline.txt' : undefined;
}

/** What stands in the quotes that GRUB itself puts around a word with a blank; nothing where the word has none such. */
function insideOfQuotes(word: string): string | undefined {
  return /^"([^"]* [^"]*)"$/.exec(word)?.[1];
}

/** iPXE expands `${…}` inside what stands between two blanks, over and over: there is no way to write one. */
function faultInIpxe(word: string): string | undefined {
  return /\$\{[^ ]*\}/.test(word) ? 'iPXE expands ${…} and knows no escape' : undefined;
}

/** Letters that mean something to iPXE where they stand, each as a setting that a script gives its value beforehand. */
const IPXE_LETTERS: Readonly<Record<string, string>> = { ' ': '20', '#': '23', '&': '26', ';': '3b', '|': '7c' };

const ipxeLetter = (letter: string): string => `\${farrier-${IPXE_LETTERS[letter] ?? ''}:string}`;

/**
 * iPXE splits at blanks whatever the quotes and joins with single ones, takes a piece that begins with `#` for a comment
 * and ends the command at `||`, `&&` and `;`. It expands settings after that, so that a letter from a setting is only a
 * letter.
 */
function spellForIpxe(text: string): string {
  return text
    .replace(/(?<= ) /g, ipxeLetter(' '))
    .split(' ')
    .map((piece) => (/^(#|\|\|$|&&$|;$)/.test(piece) ? ipxeLetter(piece.charAt(0)) + piece.slice(1) : piece))
    .join(' ');
}

/** The settings that a text spelled for iPXE needs, with the value of each in hexadecimal: `set farrier-20:hex 20`. */
export function ipxeSettings(text: string): readonly (readonly [name: string, hex: string])[] {
  return Object.values(IPXE_LETTERS)
    .map((hex) => [`farrier-${hex}`, hex] as const)
    .filter(([name]) => text.includes(`\${${name}:string}`));
}

/**
 * Escapes for u-boot's one pass of macro expansion over `append` (cli_simple.c): a backslash protects what follows,
 * but not after another backslash, where everything already stands for itself.
 */
function escapeForMacros(text: string): string {
  let [escaped, previous] = ['', ''];
  for (const char of text) {
    escaped += /[\\$']/.test(char) && previous !== '\\' ? `\\${char}` : char;
    previous = char;
  }
  return escaped;
}

/** A line that begins with # is a comment to the reader of the file; the macro pass takes the backslash away again. */
function spellForExtlinux(text: string): string {
  return `${text.startsWith('#') ? '\\' : ''}${escapeForMacros(text)}`;
}

/**
 * The words as a format's file must spell them so that the kernel gets them octet by octet, blanks between them.
 * The error names the word (not its value, which may be secret) and says why it cannot pass.
 */
export function argText(format: BootFormat, words: readonly string[]): Result<string> {
  for (const word of words) {
    const fault = faultOfWord(word) ?? FAULTS[format](word);
    if (fault !== undefined) return err(`the word ${nameOfWord(word)} cannot pass ${format}: ${fault}`);
  }
  return ok(spell(format, words));
}

function spell(format: BootFormat, words: readonly string[]): string {
  const text = words.join(' ');
  switch (format) {
    case 'extlinux':
      return spellForExtlinux(text);
    case 'boot-script':
      return `'${text.replaceAll('\\', '\\\\')}'`;
    case 'grub':
      return words.map((word) => `'${insideOfQuotes(word) ?? word}'`).join(' ');
    case 'ipxe':
      return spellForIpxe(text);
    case 'rpi':
      return text;
  }
}

/**
 * Octets that escaping adds inside the loader's own buffer. Only u-boot's extlinux holds the words as they are
 * spelled; shells and GRUB have taken their quotes away before.
 */
export function escapeOctets(format: BootFormat, words: readonly string[]): number {
  const text = words.join(' ');
  return format === 'extlinux' ? octetsOf(spellForExtlinux(text)) - octetsOf(text) : 0;
}

/** A word's name in quotes, for messages: what stands before `=`, cut at 40 characters, printable. */
export function nameOfWord(word: string): string {
  const at = word.indexOf('=');
  const name = (at < 0 ? word : `${word.slice(0, at)}=…`).replace(/\p{C}/gu, '?');
  return `"${name.length > 40 ? `${name.slice(0, 39)}…` : name}"`;
}
