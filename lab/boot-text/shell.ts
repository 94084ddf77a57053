/** How a command ended; `stop` ends the whole script (a kernel was started, the loader was left). */
export type CommandEnd = 'good' | 'bad' | 'stop';
/** Carries out one command, its words unquoted and expanded. */
export type RunCommand = (words: readonly string[]) => Promise<CommandEnd>;

type Joint = ';' | '&&' | '||';
type Statement =
  | { readonly is: 'command'; readonly words: readonly string[] }
  | { readonly is: 'if'; readonly condition: List; readonly then: List; readonly otherwise: List };
type List = readonly { readonly after: Joint; readonly statement: Statement }[];

const JOINTS: ReadonlyMap<string, Joint> = new Map([
  ['\n', ';'],
  [';', ';'],
  ['&&', '&&'],
  ['||', '||'],
]);

/**
 * Runs a script of the small shell that u-boot (hush) and GRUB share: quotes, backslashes, `$name` and `${name}`, `;`,
 * `&&`, `||`, `if … then … else … fi`, comments. `lookUp` gives a variable's value when the command comes to run.
 */
export async function runShell(script: string, lookUp: (name: string) => string, run: RunCommand): Promise<void> {
  await runList(new Parser(script).list([]), lookUp, run);
}

async function runList(list: List, lookUp: (name: string) => string, run: RunCommand): Promise<CommandEnd> {
  let end: CommandEnd = 'good';
  for (const { after, statement } of list) {
    if ((after === '&&' && end === 'bad') || (after === '||' && end === 'good')) continue;
    end = await runStatement(statement, lookUp, run);
    if (end === 'stop') return end;
  }
  return end;
}

async function runStatement(
  statement: Statement,
  lookUp: (name: string) => string,
  run: RunCommand,
): Promise<CommandEnd> {
  if (statement.is === 'command') return run(statement.words.map((word) => expand(word, lookUp)));
  const said = await runList(statement.condition, lookUp, run);
  if (said === 'stop') return said;
  return runList(said === 'good' ? statement.then : statement.otherwise, lookUp, run);
}

function expand(word: string, lookUp: (name: string) => string): string {
  const pattern = /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|\$\{(\w+)\}|\$(\w+)/gs;
  return word.replace(
    pattern,
    (_, single?: string, double?: string, plain?: string, braced?: string, bare?: string) => {
      if (double !== undefined) return expand(double.replaceAll("'", "\\'"), lookUp);
      const name = braced ?? bare;
      return name === undefined ? (single ?? plain ?? '') : lookUp(name);
    },
  );
}

class Parser {
  readonly #tokens: string[];

  constructor(script: string) {
    const pattern = /#[^\n]*|\n|&&|\|\||;|(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s;&|"'\\])+/gs;
    this.#tokens = [...script.matchAll(pattern)].map(([text]) => text).filter((text) => !text.startsWith('#'));
  }

  /** Statements up to one of the closing words, which is taken too. */
  list(closers: readonly string[]): List {
    const list: { after: Joint; statement: Statement }[] = [];
    let after: Joint = ';';
    for (let token = this.#tokens.shift(); token !== undefined; token = this.#tokens.shift()) {
      const joint = JOINTS.get(token);
      if (joint) after = joint;
      else if (closers.includes(token)) {
        this.#closer = token;
        break;
      } else {
        list.push({ after, statement: token === 'if' ? this.#condition() : this.#command(token) });
        after = ';';
      }
    }
    return list;
  }

  #closer = '';

  #condition(): Statement {
    const condition = this.list(['then']);
    const then = this.list(['else', 'fi']);
    const otherwise = this.#closer === 'else' ? this.list(['fi']) : [];
    return { is: 'if', condition, then, otherwise };
  }

  #command(first: string): Statement {
    const words = [first];
    while (this.#tokens[0] !== undefined && !JOINTS.has(this.#tokens[0])) words.push(this.#tokens.shift() ?? '');
    return { is: 'command', words };
  }
}
