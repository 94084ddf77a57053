/**
 * How each loader reads the line Farrier writes, rebuilt from its documented behaviour, so that a test can ask what
 * the kernel would get. They are models: u-boot's are also proven by the real one in test/e2e/uboot-args.test.ts.
 */

/** u-boot's macro pass over `append` (cli_simple_process_macros), with an empty environment. */
export function readByUbootMacros(text: string): string {
  let [out, previous, at, state] = ['', '', 0, 'text'];
  while (at < text.length) {
    let char = text[at++] ?? '';
    if (state !== 'quoted' && char === '\\' && previous !== '\\') {
      if (at >= text.length) break;
      previous = char;
      char = text[at++] ?? '';
    }
    const bare = previous !== '\\';
    if (state === 'text') {
      if (char === "'" && bare) state = 'quoted';
      else if (char === '$' && bare) state = 'dollar';
      else out += char;
    } else if (state === 'dollar') {
      state = char === '(' || char === '{' ? 'name' : 'text';
      if (state === 'text') out += `$${char}`;
    } else if (state === 'name') {
      if (char === ')' || char === '}') state = 'text'; // an unset variable is nothing
    } else if (char === "'" && bare) state = 'text';
    else out += char;
    previous = char;
  }
  return out;
}

/** The one single-quoted word of a `setenv` in u-boot's hush: a backslash still takes the next letter as it is. */
export function readByUbootHush(word: string): string {
  const inside = /^'([^']*)'$/.exec(word);
  if (!inside) throw new Error(`not one quoted word: ${word}`);
  return (inside[1] ?? '').replace(/\\([^])/g, '$1');
}

/** GRUB's words (single quotes only), then what grub_create_loader_cmdline makes of them. */
export function readByGrub(line: string): string {
  const words: string[] = [];
  for (let rest = line; rest !== '';) {
    const word = /^(?:'([^']*)'|([^ '"\\$;|&<>{}#]+))( |$)/.exec(rest);
    if (!word) throw new Error(`GRUB would read more than words in: ${rest}`);
    words.push(word[1] ?? word[2] ?? '');
    rest = rest.slice(word[0].length);
  }
  return words
    .map((word) => {
      const escaped = word.replace(/[\\'"]/g, '\\$&');
      return word.includes(' ') ? `"${escaped}"` : escaped;
    })
    .join(' ');
}

/** iPXE's tokens up to the first terminator, each with its settings expanded, innermost first, over and over. */
export function readByIpxe(line: string, settings: ReadonlyMap<string, string> = new Map()): readonly string[] {
  const tokens = line.split(/[ \t\n\v\f\r]+/).filter((token) => token !== '');
  const end = tokens.findIndex((token) => token.startsWith('#') || ['||', '&&', ';'].includes(token));
  return (end < 0 ? tokens : tokens.slice(0, end)).map((token) => expandByIpxe(token, settings));
}

function expandByIpxe(token: string, settings: ReadonlyMap<string, string>): string {
  let text = token;
  for (;;) {
    const name = /\$\{((?:(?!\$\{)[^}])*)\}/.exec(text);
    if (!name) return text;
    const value = settings.get((name[1] ?? '').replace(/:string$/, '')) ?? '';
    text = text.slice(0, name.index) + value + text.slice(name.index + name[0].length);
  }
}

/** The settings that a script's `set NAME:hex …` lines make. */
export function ipxeSettingsOf(script: string): ReadonlyMap<string, string> {
  const lines = script.matchAll(/^set (\S+):hex ([0-9a-f]{2})$/gm);
  return new Map([...lines].map(([, name = '', hex = '']) => [name, String.fromCharCode(parseInt(hex, 16))]));
}
