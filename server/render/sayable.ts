const LINE_LETTERS = 70;
const LINES_MAX = 12;

/**
 * A sentence as lines that any loader prints as they are and none takes for anything else: no quotes, `$`, `#`, `;`,
 * backslashes or control characters, at most 70 letters each. What is lost is punctuation; the page shows it whole.
 */
export function sayable(text: string): readonly string[] {
  const plain = text
    .replace(/["'`]/g, '')
    .replace(/;/g, ',')
    .replace(/…/g, '..')
    .replace(/[^A-Za-z0-9 .,:/()_+@%=-]/g, '?');
  const lines: string[] = [];
  for (const word of plain.split(' ').filter((each) => each !== '')) {
    const last = lines.at(-1);
    const cut = word.slice(0, LINE_LETTERS);
    if (last !== undefined && last.length + 1 + cut.length <= LINE_LETTERS) lines[lines.length - 1] = `${last} ${cut}`;
    else lines.push(cut);
  }
  return lines.slice(0, LINES_MAX);
}
