import type { Field, FieldValues } from '../../core/field.ts';
import { ABILITIES, PowerError, type PowerHandle } from '../../ports/power-driver.ts';
import { wordsOf } from './kit-calls.ts';
import { fail, notJudged, pass, type Finding, type KitRule, type KitRun } from './kit-rule.ts';

/** Names of fields that hold something secret whatever their author thought. */
const SECRETIVE = /pass(word|wd|phrase)?$|secret|token|community|api_?key/i;

/** How a driver's `open` takes parameters: the code of its refusal, or nothing. */
function refusalOf({ target, edges }: KitRun, parameters: FieldValues): string | undefined {
  try {
    target.driver.open(parameters, edges);
    return undefined;
  } catch (thrown) {
    return thrown instanceof PowerError ? thrown.code : 'an error without a code';
  }
}

const declaration: KitRule = {
  name: 'declaration',
  sentence: 'What it says of itself is sound, and it can do what it declares.',
  judge: ({ target, edges }) => {
    const { driver, parameters } = target;
    const faults = Object.entries(driver.fields).flatMap(([name, field]) => faultsOfField(name, field));
    if (!driver.abilities.includes('on')) faults.push('it declares no "on"');
    if (driver.callTimeoutMs > driver.settleTimeoutMs * 10) faults.push('callTimeoutMs dwarfs settleTimeoutMs');
    let handle: PowerHandle | undefined;
    try {
      handle = driver.open(parameters, edges);
    } catch {
      // Samples need not fit; what a real setting says is judged elsewhere.
    }
    if (handle) faults.push(...lacking(driver.abilities, handle));
    return Promise.resolve(
      faults.length > 0 ? fail(faults.join('; ')) : pass(`${Object.keys(driver.fields).length} fields`),
    );
  },
};

function faultsOfField(name: string, field: Field): readonly string[] {
  return [
    ...(field.label === '' ? [`field "${name}" has no label`] : []),
    ...(field.kind === 'secret' && field.default !== undefined ? [`secret "${name}" has a default`] : []),
    ...(field.kind === 'choice' && !field.choices?.length ? [`choice "${name}" has no choices`] : []),
    ...(field.kind !== 'secret' && (field.kind === 'text' || field.kind === 'host') && SECRETIVE.test(name)
      ? [`field "${name}" is no secret by its kind`]
      : []),
  ];
}

function lacking(abilities: readonly string[], handle: PowerHandle): readonly string[] {
  const verbs: Readonly<Record<string, unknown>> = { ...handle };
  const optional = ABILITIES.filter((ability) => !['on', 'off', 'status'].includes(ability));
  return optional
    .filter((ability) => abilities.includes(ability) && typeof verbs[ability] !== 'function')
    .map((ability) => `it declares "${ability}" and has none`);
}

/** What no text field may take: it would be an option of a program, or end a line of a protocol. */
const NEVER: readonly string[] = ['-rf', '--help', 'a\nb', 'a\u0000b', 'a\u001b[2J'];

const parameters: KitRule = {
  name: 'parameters',
  sentence: 'Parameters that look like options or commands are refused, or are nothing but text.',
  judge: async (run) => {
    const { target, edges } = run;
    if (refusalOf(run, target.parameters) !== undefined) return notJudged('give its fields with --set');
    if (refusalOf(run, { ...target.parameters, 'no such field': 'x' }) !== 'config')
      return fail('a field it does not declare was taken');
    const texts = Object.entries(target.driver.fields).filter(([, { kind }]) =>
      ['text', 'host', 'file'].includes(kind),
    );
    for (const [name] of texts)
      for (const value of NEVER)
        if (refusalOf(run, { ...target.parameters, [name]: value }) !== 'config')
          return fail(`field "${name}" took ${JSON.stringify(value)}`);
    const { trap } = edges;
    if (!trap) return pass('options and control characters are refused');
    for (const [name, field] of texts) {
      // A wrong user at a real device would be a failed log-in.
      if (target.device === 'real' && field.scope === 'controller') continue;
      await tryCommand(run, name, trap.path);
      if (trap.sprung()) return fail(`what field "${name}" held was run as a command`);
    }
    return pass('options and control characters are refused, commands are not run');
  },
};

async function tryCommand({ target, calls }: KitRun, name: string, path: string): Promise<void> {
  const command = `touch ${path}`;
  for (const value of [`';${command};"|${command}|`, `$(${command})`, `\`${command}\``])
    await calls.query({ ...target.parameters, [name]: value });
}

const outlet: KitRule = {
  name: 'outlet',
  sentence: 'An outlet that is not there has no state.',
  judge: async (run) => {
    const { target, calls } = run;
    if (target.device === 'none') return notJudged('needs a device');
    if (!target.driver.abilities.includes('status')) return notJudged('it cannot see');
    const named = Object.entries(target.driver.fields).find(
      ([, { scope, kind, required, default: usual }]) =>
        scope === 'machine' && (kind === 'integer' || kind === 'text') && required && usual === undefined,
    );
    if (!named) return notJudged('no field names an outlet');
    const [name, field] = named;
    const absent = field.kind === 'integer' ? (field.max ?? 9998) : 'no-such-outlet';
    if (absent === target.parameters[name]) return notJudged(`${String(absent)} is the machine's own outlet`);
    const values = { ...target.parameters, [name]: absent };
    if (refusalOf(run, values) !== undefined)
      return pass(`${name} ${String(absent)} is refused before it is asked for`);
    const end = await calls.query(values);
    return judgeAbsent(`${name} ${String(absent)}`, end.is === 'state' ? end.state : undefined, wordsOf(end), end.is);
  },
};

function judgeAbsent(what: string, state: string | undefined, words: string, is: string): Finding {
  if (state === 'on' || state === 'off') return fail(`${what}, which should not be there, is ${words}`);
  if (is === 'hung' || is === 'broken') return fail(`${what}: ${words}`);
  return pass(`${what}: ${words}`);
}

/** What a driver says of itself and takes for parameters. */
export const DECLARED_RULES: readonly KitRule[] = [declaration, parameters, outlet];
