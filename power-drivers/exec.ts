import { givenOnly } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import type { Result } from '../server/core/result.ts';
import {
  PowerError,
  type BootDevice,
  type PowerDriver,
  type PowerEdges,
  type PowerErrorCode,
  type PowerHandle,
} from '../server/ports/power-driver.ts';
import { runToEnd } from './common/run-program.ts';
import { definePowerDriver } from './define.ts';

const EXIT_CODES: Readonly<Record<number, PowerErrorCode>> = {
  10: 'unreachable',
  11: 'auth',
  12: 'refused',
  13: 'config',
  126: 'tool-missing',
  127: 'tool-missing',
};

/** The verbs a driver program is called with; `bootdev` has the device behind it, `identify` the seconds. */
type ProgramVerb =
  'describe' | 'on' | 'off' | 'status' | 'reset' | 'info' | `bootdev ${BootDevice}` | `identify ${number}`;

/** What a program said before it ended well: the fields of its one JSON line. */
export type ProgramAnswer = Readonly<Record<string, unknown>>;

/** One call of a driver program. */
export interface ProgramCall {
  /** Absolute and vouched for. */
  readonly path: string;
  readonly verb: ProgramVerb;
  /** Written to its standard input as one line of JSON: fields and secrets alike. */
  readonly fields: Readonly<Record<string, string | number>>;
  readonly timeoutMs: number;
}

/**
 * Runs a driver program once, as `runToEnd` does. Throws a `PowerError` by exit code: 10 unreachable, 11 auth, 12 refused,
 * 13 config; anything else unlike 0 is `refused`.
 */
export async function runProgram(call: ProgramCall, edges: PowerEdges, signal: AbortSignal): Promise<ProgramAnswer> {
  const { path, timeoutMs } = call;
  const input = `${JSON.stringify(call.fields)}\n`;
  const run = { path, timeoutMs, input, args: call.verb.split(' '), name: nameOf(call) };
  const { code, stdout, stderr } = await runToEnd(run, edges, signal);
  if (code === 0) return readAnswer(call, stdout);
  throw new PowerError(EXIT_CODES[code] ?? 'refused', `${nameOf(call)}: ${wordsOf(code, stdout, stderr)}`);
}

function nameOf(call: ProgramCall): string {
  return `${call.path} ${call.verb}`;
}

function wordsOf(code: number, stdout: string, stderr: string): string {
  const message = parsed(stdout)?.['message'];
  const words = typeof message === 'string' ? message : stderr.trim().split('\n').at(-1);
  return `exit code ${code}${words ? `: ${words.slice(0, 200)}` : ''}`;
}

/** The last line that is not empty, as a JSON object. */
function parsed(stdout: string): ProgramAnswer | undefined {
  const line = stdout.trim().split('\n').at(-1) ?? '';
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}

function readAnswer(call: ProgramCall, stdout: string): ProgramAnswer {
  const answer = parsed(stdout);
  if (answer) return answer;
  if (stdout.trim() === '') return {};
  throw new PowerError('refused', `${nameOf(call)}: its answer is not one line of JSON`);
}

function stateOf(path: string, answer: ProgramAnswer): PowerState {
  const state = answer['state'];
  if (state === 'on' || state === 'off' || state === 'unknown') return state;
  throw new PowerError('refused', `${path} status: answered no "state" of on, off or unknown`);
}

/** Texts and numbers by label; at most 32, cut at 200 characters. Anything else of a program's answer is left out. */
function wordsByLabel(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  const told = Object.entries(value).flatMap(([label, word]): [string, string][] =>
    typeof word === 'string' || typeof word === 'number' ? [[label.slice(0, 40), String(word).slice(0, 200)]] : [],
  );
  return Object.fromEntries(told.slice(0, 32));
}

/** What a handle on a program needs to know besides the machine's fields. */
export interface ProgramDriver {
  /** Looks again at each call whether the file may still be trusted; the value is the path to run. */
  vouch(): Promise<Result<string>>;
  readonly callTimeoutMs: number;
}

/** A program bound to one machine's fields. */
export function programHandle(
  program: ProgramDriver,
  fields: Readonly<Record<string, string | number>>,
  edges: PowerEdges,
): Required<Omit<PowerHandle, 'console'>> {
  const run = async (verb: ProgramVerb, signal: AbortSignal): Promise<{ path: string; answer: ProgramAnswer }> => {
    const path = await program.vouch();
    if (!path.ok) throw new PowerError('config', path.error);
    const call = { path: path.value, verb, fields, timeoutMs: program.callTimeoutMs };
    return { path: path.value, answer: await runProgram(call, edges, signal) };
  };
  return {
    set: async (want, signal) => {
      await run(want, signal);
    },
    query: async (signal) => {
      const { path, answer } = await run('status', signal);
      return stateOf(path, answer);
    },
    reset: async (signal) => {
      await run('reset', signal);
    },
    bootdev: async (device, signal) => {
      await run(`bootdev ${device}`, signal);
    },
    identify: async (forS, signal) => {
      await run(`identify ${forS}`, signal);
    },
    info: async (signal) => {
      const { answer } = await run('info', signal);
      return wordsByLabel(answer['info']);
    },
  };
}

/**
 * The driver for programs that do not describe themselves: it declares the fields most switches need. `vouch` finds
 * the named program in the driver folders and says why it may not be run.
 */
export function createExecDriver(vouch: (program: string) => Promise<Result<string>>): PowerDriver {
  const callTimeoutMs = 20_000;
  return definePowerDriver({
    name: 'exec',
    summary: 'Any program in a driver folder, called with on, off or status',
    fields: {
      program: {
        kind: 'file',
        label: 'Program',
        help: 'Its path in a configured driver folder. A program that answers "describe" is a driver of its own.',
        scope: 'controller',
        required: true,
      },
      address: { kind: 'host', label: 'Address', scope: 'controller', required: false },
      user: { kind: 'text', label: 'User', scope: 'controller', required: false },
      password: { kind: 'secret', label: 'Password', scope: 'controller', required: false },
      outlet: { kind: 'text', label: 'Outlet', scope: 'machine', required: false },
    },
    abilities: ['on', 'off', 'status'],
    callTimeoutMs,
    settleTimeoutMs: 30_000,
    open: ({ program, ...rest }, edges) => {
      const { set, query } = programHandle({ vouch: () => vouch(program), callTimeoutMs }, givenOnly(rest), edges);
      return { set, query };
    },
  });
}
