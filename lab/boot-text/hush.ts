/** One simple command and how it hangs on the one before it. */
interface Command {
  readonly words: readonly string[];
  readonly after: ';' | '&&' | '||';
}

const MARKS = ['&&', '||', ';'] as const;

/**
 * Runs a script as u-boot's hush shell does, as far as boot scripts go: quotes, `${name}`, `;`, `&&`, `||` and
 * `if … then … else … fi` (not nested). `run` carries a command out and says whether it succeeded; `lookUp` gives the
 * value of a variable.
 */
export async function runHush(
  script: string,
  lookUp: (name: string) => string,
  run: (words: readonly string[]) => Promise<boolean>,
): Promise<void> {
  let good = true;
  let skipping = false;
  for (const command of commandsOf(script)) {
    const [first = '', ...rest] = command.words;
    const isElse = first === 'else';
    if (first === 'fi') skipping = false;
    else if (isElse || first === 'then') skipping = isElse === good;
    const body = ['if', 'then', 'else', 'fi'].includes(first) ? rest : command.words;
    const due = command.after === ';' || (command.after === '&&') === good;
    if (skipping || !due || body.length === 0) continue;
    const said = await run(body.map((word) => expand(word, lookUp)));
    if (first !== 'then' && !isElse) good = said;
  }
}

/** Single-quoted text is kept from expansion by this mark, which no script can hold. */
const LITERAL_DOLLAR = '\u0000';

function expand(word: string, lookUp: (name: string) => string): string {
  return word.replace(/\$\{(\w+)\}/g, (_, name: string) => lookUp(name)).replaceAll(LITERAL_DOLLAR, '$');
}

function commandsOf(script: string): readonly Command[] {
  const commands: Command[] = [];
  let words: string[] = [];
  let after: Command['after'] = ';';
  for (const token of tokensOf(script)) {
    if (token.mark === undefined) {
      words.push(token.text);
      continue;
    }
    if (words.length > 0) commands.push({ words, after });
    words = [];
    after = token.mark;
  }
  if (words.length > 0) commands.push({ words, after });
  return commands;
}

type Token =
  { readonly mark: undefined; readonly text: string } | { readonly mark: Command['after']; readonly text: '' };

function tokensOf(script: string): readonly Token[] {
  const pattern = /#[^\n]*|\n|&&|\|\||;|(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s;&|"'\\])+|[&|]/g;
  return [...script.matchAll(pattern)].flatMap(([text]): readonly Token[] => {
    if (text.startsWith('#')) return [];
    if (text === '\n') return [{ mark: ';', text: '' }];
    const mark = MARKS.find((each) => each === text);
    return mark ? [{ mark, text: '' }] : [{ mark: undefined, text: unquote(text) }];
  });
}

function unquote(text: string): string {
  return text.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, plain?: string) => {
    if (double !== undefined) return double.replace(/\\(.)/g, '$1');
    return single === undefined ? (plain ?? '') : single.replaceAll('$', LITERAL_DOLLAR);
  });
}
