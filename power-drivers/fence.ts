import type { ParametersOf } from '../server/core/field.ts';
import { err, ok, type Result } from '../server/core/result.ts';
import { PowerError, type PowerDriver, type PowerEdges, type PowerErrorCode } from '../server/ports/power-driver.ts';
import { runToEnd, type ProgramEnd } from './common/run-program.ts';
import { definePowerDriver } from './define.ts';

const CALL_TIMEOUT_MS = 30_000;
const METADATA_TIMEOUT_MS = 10_000;

const fields = {
  agent: {
    kind: 'text',
    label: 'Fence agent',
    help: 'Its program without path, such as fence_apc. Debian has them in the packages fence-agents and fence-agents-*.',
    scope: 'controller',
    required: true,
    pattern: 'fence_[a-z0-9_]{1,40}',
  },
  host: { kind: 'host', label: 'Address', scope: 'controller', required: false },
  port: { kind: 'port', label: 'Port', scope: 'controller', required: false },
  user: { kind: 'text', label: 'User', scope: 'controller', required: false, pattern: '[\\x20-\\x7e]*' },
  password: { kind: 'secret', label: 'Password', scope: 'controller', required: false },
  community: { kind: 'secret', label: 'SNMP community', scope: 'controller', required: false },
  privacyPassword: { kind: 'secret', label: 'SNMPv3 privacy password', scope: 'controller', required: false },
  options: {
    kind: 'text',
    label: 'More options',
    help: 'Name and value pairs of the agent, such as lanplus=1 privlvl=operator. docs/power/fence.md lists which.',
    scope: 'controller',
    required: false,
    pattern: '[a-z0-9_.]+=[0-9A-Za-z_.:/@%+-]*( +[a-z0-9_.]+=[0-9A-Za-z_.:/@%+-]*)*',
  },
  plug: {
    kind: 'text',
    label: 'Plug',
    help: 'Outlet, blade or machine, as the agent counts. Several of one machine with commas: 3,4.',
    scope: 'machine',
    required: false,
    pattern: '[0-9A-Za-z_.:,/@-]+',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

/**
 * Options an operator may give. Agents know many more that run programs, read or write files as root, or make a missing
 * outlet count as off: none of those.
 */
const OPTIONS: ReadonlySet<string> = new Set(
  (
    'auth cipher lanplus privlvl target ipmitool_timeout ssl ssl_secure ssl_insecure notls tls1.0 ssh inet4_only inet6_only ' +
    'login_timeout shell_timeout power_timeout power_wait stonith_status_sleep method snmp_version snmp_auth_prot ' +
    'snmp_sec_level snmp_priv_prot switch systems_uri redfish_uri drac_version ribcl_version vmware_type vmware_datacenter ' +
    'api_path api_version region zone project domain disable_ssl use_cookies hmc_version managed timeout'
  ).split(' '),
);

/** An agent that may be run. */
export interface FenceAgent {
  readonly path: string;
  /** Changes whenever the file does. */
  readonly stamp: string;
}

interface AgentFacts {
  readonly parameters: ReadonlySet<string>;
  readonly actions: ReadonlySet<string>;
}

/**
 * Machines behind any fence agent (ClusterLabs' Fence Agent API). Options go to the agent's standard input. `vouch` finds
 * an agent by its name and says why it may not be run.
 */
export function createFenceDriver(vouch: (agent: string) => Promise<Result<FenceAgent>>): PowerDriver {
  const known: KnownAgents = new Map();
  return definePowerDriver({
    name: 'fence',
    summary: 'Any fence agent of Debian, such as fence_apc or fence_vmware_rest',
    fields,
    abilities: ['on', 'off', 'status', 'reset'],
    callTimeoutMs: CALL_TIMEOUT_MS,
    settleTimeoutMs: 30_000,
    open: (parameters, edges) => {
      const options = readOptions(parameters.options);
      if (!options.ok) throw new PowerError('config', `${parameters.agent}: ${options.error}`);
      const run = (action: string, signal: AbortSignal): Promise<ProgramEnd> =>
        runAction({ parameters, options: options.value, vouch, known, edges }, action, signal);
      const order = async (action: string, signal: AbortSignal): Promise<void> => {
        const ended = await run(action, signal);
        // Orders are not done before the agent has seen them come true; whether they do is for others to judge.
        if (ended.code !== 0 && !/Timed out waiting to power/.test(ended.stderr)) throw failure(parameters, ended);
      };
      return {
        set: (want, signal) => order(want, signal),
        query: async (signal) => {
          const ended = await run('status', signal);
          if (ended.code === 0) return 'on';
          if (ended.code === 2) return 'off';
          throw failure(parameters, ended);
        },
        reset: async (signal) => {
          const ended = await run('reboot', signal);
          // Agents count a reboot that ends in darkness as done: to them the machine is safely fenced.
          if (/Timed out waiting to power ON/.test(ended.stderr))
            throw new PowerError('no-effect', `${parameters.agent}: switched it off, and it does not come on again`);
          if (ended.code !== 0) throw failure(parameters, ended);
        },
      };
    },
  });
}

/** What agents said of themselves, by path; asked again when the file has changed. */
type KnownAgents = Map<string, { readonly stamp: string; readonly facts: AgentFacts }>;

interface Ask {
  readonly known: KnownAgents;
  readonly parameters: Parameters;
  readonly options: ReadonlyMap<string, string>;
  readonly vouch: (agent: string) => Promise<Result<FenceAgent>>;
  readonly edges: PowerEdges;
}

async function runAction(ask: Ask, action: string, signal: AbortSignal): Promise<ProgramEnd> {
  const { parameters, edges } = ask;
  const agent = await ask.vouch(parameters.agent);
  if (!agent.ok) throw new PowerError('config', agent.error);
  const facts = await factsOf(ask, agent.value, signal);
  const input = inputOf(ask, facts, action);
  if (!input.ok) throw new PowerError('config', `${parameters.agent}: ${input.error}`);
  const call = { path: agent.value.path, args: [], input: input.value, name: nameOf(parameters, action) };
  return await runToEnd({ ...call, timeoutMs: CALL_TIMEOUT_MS }, edges, signal);
}

function nameOf({ agent, host }: Parameters, action: string): string {
  return `${agent} ${host === undefined ? '' : `${host} `}${action}`;
}

/** What the agent says of itself: it passes over options it does not know with a warning, and acts without them. */
async function factsOf({ parameters, known, edges }: Ask, agent: FenceAgent, signal: AbortSignal): Promise<AgentFacts> {
  const before = known.get(agent.path);
  if (before?.stamp === agent.stamp) return before.facts;
  const name = `${parameters.agent} metadata`;
  const call = { path: agent.path, args: ['-o', 'metadata'], input: '', name, timeoutMs: METADATA_TIMEOUT_MS };
  const { code, stdout, stderr } = await runToEnd(call, edges, signal);
  const named = (what: string): ReadonlySet<string> =>
    new Set([...stdout.matchAll(new RegExp(`<${what} name="([A-Za-z0-9_.-]{1,64})"`, 'g'))].map((at) => at[1] ?? ''));
  const facts = { parameters: named('parameter'), actions: named('action') };
  if (code !== 0 || !facts.parameters.has('action'))
    throw new PowerError('tool-missing', `${name}: is not what a fence agent answers: ${lastLine(stderr)}`);
  known.set(agent.path, { stamp: agent.stamp, facts });
  return facts;
}

function readOptions(text: string | undefined): Result<ReadonlyMap<string, string>> {
  const pairs = (text ?? '').split(' ').filter((pair) => pair !== '');
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at);
    if (!OPTIONS.has(name)) return err(`option "${name}" is not offered; offered are ${[...OPTIONS].join(', ')}`);
    if (pair.slice(at + 1).startsWith('-')) return err(`the value of option "${name}" must not begin with a dash`);
    options.set(name, pair.slice(at + 1));
  }
  return ok(options);
}

/** The lines for the agent's standard input; the error names what it does not know. */
function inputOf({ parameters, options }: Ask, facts: AgentFacts, action: string): Result<string> {
  const { host, port, user, password, community, privacyPassword, plug } = parameters;
  const known = (...names: readonly string[]): string =>
    names.find((name) => facts.parameters.has(name)) ?? names[0] ?? '';
  if (!facts.actions.has(action)) return err(`this agent has no action "${action}"`);
  const given: readonly (readonly [string, string | number | undefined])[] = [
    [known('ip', 'ipaddr'), host],
    ['ipport', port],
    [known('username', 'login'), user],
    [known('password', 'passwd'), password],
    ['community', community],
    ['snmp_priv_passwd', privacyPassword],
    [known('plug', 'port'), plug],
    ...options,
  ];
  const lines = [`action=${action}`];
  for (const [name, value] of given) {
    if (value === undefined) continue;
    if (!facts.parameters.has(name)) return err(`this agent knows no option "${name}"`);
    lines.push(`${name}=${quotedIfNeeded(String(value))}`);
  }
  // One order is one try, and whether it came true is looked at afterwards. "retry_on" counts an order's further tries to
  // switch on, but all of a reboot's: with 0 it would never come on again.
  for (const [name, value] of [
    ['retry_on', action === 'reboot' ? '1' : '0'],
    ['power_timeout', '10'],
  ] as const)
    if (!options.has(name) && facts.parameters.has(name)) lines.push(`${name}=${value}`);
  return ok(`${lines.join('\n')}\n`);
}

/** Agents strip blanks around a value and one pair of quotes. */
function quotedIfNeeded(value: string): string {
  return /^\s|\s$|^".*"$/.test(value) ? `"${value}"` : value;
}

/** Agents end with 1 whatever happened; what it was stands in their own words. First match counts. */
const WORDS: readonly (readonly [RegExp, PowerErrorCode, string])[] = [
  // The same words for a silent device and for a wrong password: repeating a wrong one locks accounts.
  [/Unable to connect\/login/, 'auth', 'cannot connect or log in; agents do not say which, so it is not tried again'],
  [/does not have the correct privileges/, 'auth', 'the user may not do this'],
  [/(401|Unauthorized|Authentication fail|Invalid credentials)/i, 'auth', 'the device refuses the credentials'],
  [/Connection timed out/, 'timeout', 'the device does not answer'],
  [/Connection lost/, 'unreachable', 'the connection was lost'],
  [/(?:You have to|Unrecognised action|Can't find port|validate-all failed)/, 'config', 'a field is missing or wrong'],
  [/Unable to obtain correct plug status/, 'refused', 'no state for this plug; is there one?'],
];

function failure({ agent, host }: Parameters, { code, stderr }: ProgramEnd): PowerError {
  const where = host === undefined ? agent : `${agent} ${host}`;
  if (code === 126 || code === 127) return new PowerError('tool-missing', `${where}: ${lastLine(stderr)}`);
  const known = WORDS.find(([pattern]) => pattern.test(stderr));
  if (known) return new PowerError(known[1], `${where}: ${known[2]}`);
  return new PowerError('refused', `${where}: exit code ${code}: ${lastLine(stderr)}`);
}

/** The last line that says something, without time stamp and usage hint. */
function lastLine(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^[\d :,-]+(?:ERROR|WARNING): /, '').trim());
  return (lines.filter((line) => line !== '' && !line.startsWith('Please use')).at(-1) ?? 'no words').slice(0, 200);
}
