import type { BootFormat } from './board.ts';
import { faultOfWord, octetsOf } from './kernel-args.ts';
import { err, ok, type Result } from './result.ts';

/** Why a word cannot pass a format unchanged; nothing when it can. */
type Fault = (word: string, first: boolean) => string | undefined;

const FAULTS: Readonly<Record<BootFormat, Fault>> = {
  // A token that begins with # starts a comment in u-boot's reader, so the whole line would vanish.
  extlinux: (word, first) => (first && word.startsWith('#') ? 'u-boot takes a leading # for a comment' : undefined),
  // u-boot's hush knows no way to write a single quote; tried on 2023.01: "syntax error", or the script just ends.
  'boot-script': (word) => (word.includes("'") ? "u-boot's shell cannot carry a single quote" : undefined),
  // GRUB puts a backslash before these on its way to the kernel, and quotes around words with blanks.
  grub: (word) => (/["'\\ ]/.test(word) ? 'GRUB changes quotes, backslashes and blanks' : undefined),
  ipxe: (word) => faultInIpxe(word),
  rpi: (word) => faultInRpi(word),
};

/** iPXE splits at blanks whatever the quotes, ends a command at a few tokens and expands `${…}` without an escape. */
function faultInIpxe(word: string): string | undefined {
  if (word.includes('${')) return 'iPXE expands ${…} and knows no escape';
  const tokens = word.split(' ');
  if (tokens.some((token) => token === '')) return 'iPXE joins neighbouring blanks into one';
  if (tokens.some((token) => token.startsWith('#'))) return 'iPXE takes # for a comment';
  if (tokens.some((token) => ['||', '&&', ';'].includes(token))) return 'iPXE ends a command at ||, && and ;';
  return undefined;
}

/** A Raspberry Pi's firmware writes the serial port's real name over an alias; of other letters nothing is documented. */
function faultInRpi(word: string): string | undefined {
  if (/^console=serial[01]\b/.test(word)) return 'the firmware changes serial0 and serial1; write ttyS0 or ttyAMA0';
  return /[^\x20-\x7e]/.test(word) ? 'only plain ASCII is known to pass cmdline.txt' : undefined;
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

/**
 * The words as a format's file must spell them so that the kernel gets them octet by octet, blanks between them.
 * The error names the word (not its value, which may be secret) and says why it cannot pass.
 */
export function argText(format: BootFormat, words: readonly string[]): Result<string> {
  for (const [index, word] of words.entries()) {
    const fault = faultOfWord(word) ?? FAULTS[format](word, index === 0);
    if (fault !== undefined) return err(`the word ${nameOfWord(word)} cannot pass ${format}: ${fault}`);
  }
  return ok(spell(format, words));
}

function spell(format: BootFormat, words: readonly string[]): string {
  const text = words.join(' ');
  switch (format) {
    case 'extlinux':
      return escapeForMacros(text);
    case 'boot-script':
      return `'${text.replaceAll('\\', '\\\\')}'`;
    case 'grub':
      return words.map((word) => `'${word}'`).join(' ');
    case 'ipxe':
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
  return format === 'extlinux' ? octetsOf(escapeForMacros(text)) - octetsOf(text) : 0;
}

/** A word's name in quotes, for messages: what stands before `=`, cut at 40 characters, printable. */
export function nameOfWord(word: string): string {
  const at = word.indexOf('=');
  const name = (at < 0 ? word : `${word.slice(0, at)}=…`).replace(/\p{C}/gu, '?');
  return `"${name.length > 40 ? `${name.slice(0, 39)}…` : name}"`;
}
