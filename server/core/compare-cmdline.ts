/** What a kernel saw of its arguments beside what it was served. */
export interface CmdlineDifference {
  /** Served words that it did not see. */
  readonly missing: readonly string[];
  /** Words it saw that nobody served, those that loaders add by themselves left out. */
  readonly added: readonly string[];
}

/** Words that loaders put there: GRUB and iPXE the kernel's name, iPXE the initrd's. */
const LOADERS_OWN = /^(BOOT_IMAGE|initrd)=/;

/** Blanks part words, but not between double quotes (`next_arg` in the kernel's lib/cmdline.c). */
function wordsOf(text: string): readonly string[] {
  return text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

/** The boot's token is worth nothing once shown, and is shown nowhere. */
export function withoutToken(text: string): string {
  return text.replace(/farrier\.token=\S*/g, 'farrier.token=…');
}

/** Compares `/proc/cmdline` with the arguments as they were served. The order of words does not count. */
export function compareCmdline(served: string, seen: string, kernelName: string): CmdlineDifference {
  const [wanted, found] = [wordsOf(withoutToken(served)), wordsOf(withoutToken(seen))];
  const isOwn = (word: string, at: number): boolean =>
    LOADERS_OWN.test(word) || (at === 0 && word.endsWith(kernelName));
  return {
    missing: without(wanted, found).filter((word) => !LOADERS_OWN.test(word)),
    added: without(
      found.filter((word, at) => !isOwn(word, at)),
      wanted,
    ),
  };
}

/** `words` less those of `others`, each as often as it stands there. */
function without(words: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return words.filter((word) => {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
