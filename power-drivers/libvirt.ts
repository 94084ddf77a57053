import type { Socket } from 'node:net';
import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { pause } from '../server/ports/clock.ts';
import type { ConsoleLine } from '../server/ports/console.ts';
import { PowerError, type PowerDriver, type PowerEdges, type PowerErrorCode } from '../server/ports/power-driver.ts';
import { serialSource } from '../server/wire/libvirt/serial-source.ts';
import { openSocketIfThere } from './common/open-socket.ts';
import { runToEnd, type ProgramEnd } from './common/run-program.ts';
import { lineWhenThere } from './common/line-when-there.ts';
import { definePowerDriver } from './define.ts';

const CALL_TIMEOUT_MS = 20_000;
/** Between two looks whether the socket of a serial line is there. */
const LOOK_MS = 40;
/** How long a domain is held when it starts, so that a console that looks for its line has it before the first octet. */
const HELD_MS = 200;

const fields = {
  uri: {
    kind: 'text',
    label: 'Connection',
    help: 'As virsh -c takes it, without options: qemu:///system, qemu+ssh://farrier@host/system.',
    scope: 'controller',
    required: true,
    default: 'qemu:///system',
    // Options after "?" would name programs to run.
    pattern:
      '(qemu|xen|ch|test)(\\+(unix|ssh|libssh2|libssh|tls|tcp))?://(([a-z0-9_][a-z0-9_.-]*@)?[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?)?/(system|session|default)?',
  },
  domain: {
    kind: 'text',
    label: 'Domain',
    help: 'Its name or UUID. A name of digits alone would be a number that changes, and is refused.',
    scope: 'machine',
    required: true,
    max: 128,
    pattern: '[0-9]*[A-Za-z_][A-Za-z0-9_.+-]*|[0-9]+[_.+-][A-Za-z0-9_.+-]*',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

/** What virsh says (libvirt 9.0, LANG=C.UTF-8) and what it means; the first that fits counts. */
const FAULTS: readonly (readonly [RegExp, PowerErrorCode])[] = [
  [/host key verification failed/i, 'config'],
  [/authentication (failed|unavailable|cancelled)|access denied|permission denied/i, 'auth'],
  [/failed to get domain|domain not found|no connection driver|unsupported flags|not supported/i, 'config'],
  [/state change lock/i, 'busy'],
  [
    /failed to connect to the hypervisor|cannot recv data|end of file|connection (refused|reset|timed out)/i,
    'unreachable',
  ],
];

const STATES: Readonly<Record<string, PowerState>> = {
  running: 'on',
  idle: 'on',
  'in shutdown': 'on',
  'no state': 'unknown',
  paused: 'unknown',
  pmsuspended: 'unknown',
  crashed: 'unknown',
  'shut off': 'off',
};

/** Domains of a libvirt daemon, here or on another host, through libvirt's own `virsh` at that path. */
export function createLibvirtDriver(virsh: string): PowerDriver {
  return definePowerDriver({
    name: 'libvirt',
    summary: 'A domain of libvirt (virsh)',
    fields,
    abilities: ['on', 'off', 'status', 'reset', 'info', 'console'],
    callTimeoutMs: CALL_TIMEOUT_MS,
    settleTimeoutMs: 30_000,
    open: (parameters, edges) => {
      const run = virshFor(virsh, parameters, edges);
      return {
        set: (want, signal) => (want === 'on' ? start(run, parameters, edges, signal) : destroy(run, signal)),
        query: async (signal) => stateOf(parameters, await run(['domstate'], signal)),
        reset: async (signal) => {
          await run(['reset'], signal);
        },
        info: async (signal) => infoOf(await run(['dominfo'], signal)),
        console: (signal) => openSerial(run, parameters, edges, signal),
      };
    },
  });
}

/** The one that comes with Debian's libvirt-clients. */
export const libvirt = createLibvirtDriver('/usr/bin/virsh');

/** Runs a command of virsh on the domain; its output, or nothing where its words say that it is `alreadySo`. */
type Virsh = (command: readonly string[], signal: AbortSignal, alreadySo?: RegExp) => Promise<string | undefined>;

function virshFor(path: string, { uri, domain }: Parameters, edges: PowerEdges): Virsh {
  return async ([command = '', ...options], signal, alreadySo) => {
    const name = `libvirt ${uri}, domain ${domain}: ${command}`;
    const args = ['-q', '-c', uri, command, ...options, domain];
    const ended = await runToEnd({ path, args, input: '', name, timeoutMs: CALL_TIMEOUT_MS }, edges, signal);
    if (ended.code === 0) return ended.stdout;
    if (alreadySo?.test(ended.stderr)) return undefined;
    const [, code] = FAULTS.find(([words]) => words.test(ended.stderr)) ?? [undefined, 'refused' as const];
    throw new PowerError(code, `${name}: ${wordsOf(ended)}`);
  };
}

/** The last thing virsh complained about; what went before is its general words. */
function wordsOf({ code, stderr }: ProgramEnd): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  const words = line.replace(/^error: /, '').replace(/\p{Cc}/gu, ' ');
  return words === '' ? `exit code ${code}` : words.slice(0, 200);
}

/** Held at first where a console may be waiting; a domain left held by a call that was cut short goes on. */
async function start(run: Virsh, { uri }: Parameters, { clock }: PowerEdges, signal: AbortSignal): Promise<void> {
  const isHeld = isHere(uri) && uri.startsWith('qemu');
  const begun = await run(isHeld ? ['start', '--paused'] : ['start'], signal, /already (active|running)/i);
  if (!isHeld) return;
  if (begun !== undefined) await pause(clock, HELD_MS);
  await run(['resume'], signal, /already running/i);
}

async function destroy(run: Virsh, signal: AbortSignal): Promise<void> {
  await run(['destroy'], signal, /domain is not running/i);
}

function stateOf({ uri, domain }: Parameters, said: string | undefined): PowerState {
  const word = (said ?? '').trim();
  const state = Object.hasOwn(STATES, word) ? STATES[word] : undefined;
  if (state === undefined)
    throw new PowerError('refused', `libvirt ${uri}, domain ${domain}: domstate says nothing that is known`);
  return state;
}

/** `Label:   value` lines. */
function infoOf(said: string | undefined): Readonly<Record<string, string>> {
  const lines = (said ?? '').split('\n').flatMap((line) => {
    const [, label, value] = /^([^:]{1,40}):\s+(\S.{0,200})$/.exec(line) ?? [];
    return label === undefined || value === undefined ? [] : [[label, value] as const];
  });
  return Object.fromEntries(lines.slice(0, 40));
}

/** Whether libvirt's sockets and ours are on one host. */
function isHere(uri: string): boolean {
  return /^[a-z]+(\+unix)?:\/\/\//.test(uri);
}

async function openSerial(
  run: Virsh,
  { uri, domain }: Parameters,
  { clock }: PowerEdges,
  signal: AbortSignal,
): Promise<ConsoleLine> {
  const where = `libvirt ${uri}, domain ${domain}: serial line`;
  if (!isHere(uri))
    throw new PowerError('config', `${where}: is on another host; use a console of its own (ssh, ser2net) for it`);
  const place = serialSource((await run(['dumpxml'], signal)) ?? '');
  if (!place.ok) throw new PowerError(place.error.code, `${where} ${place.error.because}`);
  const find = (stop: AbortSignal): Promise<Socket | undefined> => openSocketIfThere(place.value, where, stop);
  return lineWhenThere({ find, pauseMs: LOOK_MS, where, clock });
}
