import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { endChild, ended, saidBy } from '../../lab/child-process.ts';

const run = promisify(execFile);

/** A BMC and how ipmitool logs in to it. */
export interface IpmitoolTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Cipher suite id; ipmitool picks the best one offered when there is none. */
  readonly suite?: string;
}

function argsOf({ host, port, user, suite }: IpmitoolTarget): readonly string[] {
  const suiteArgs = suite === undefined ? [] : ['-C', suite];
  // It asks again after 1 s unless told; a slow machine may take longer to answer what it did at once.
  return ['-I', 'lanplus', '-N', '15', ...suiteArgs, '-H', host, '-p', String(port), '-U', user, '-E'];
}

function envOf({ password }: IpmitoolTarget): NodeJS.ProcessEnv {
  return { ...process.env, IPMI_PASSWORD: password };
}

/** One command of Debian's ipmitool in a session of its own; gives what it printed. Rejects when it says no. */
export async function ipmitool(target: IpmitoolTarget, ...words: string[]): Promise<string> {
  const { stdout } = await run('ipmitool', [...argsOf(target), ...words], { env: envOf(target) });
  return stdout;
}

/** ipmitool asked many things in one process and one session. */
export interface IpmitoolShell {
  /** Gives what it printed up to its next prompt; rejects when the process ends. */
  ask(...words: string[]): Promise<string>;
  end(): Promise<void>;
}

const PROMPT = 'ipmitool> ';
/** Longer than it takes to give up a BMC, on a busy host. */
const ANSWER_MS = 60_000;

/** Starts `ipmitool shell`: a process for each of a thousand questions would take most of the time. */
export async function startIpmitoolShell(target: IpmitoolTarget): Promise<IpmitoolShell> {
  // Without stdbuf the C library keeps the answers back until 4 KiB of them have come together.
  const child = spawn('stdbuf', ['-o0', 'ipmitool', ...argsOf(target), 'shell'], {
    env: { ...envOf(target), TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = saidBy(child, { encoding: 'latin1' });
  const prompt = async (): Promise<string> => (await said.has(/ipmitool> $/, ANSWER_MS)).slice(0, -PROMPT.length);
  await prompt();
  return {
    ask: (...words) => {
      said.forget();
      child.stdin.write(`${words.join(' ')}\n`);
      return prompt();
    },
    end: async () => {
      await endChild(child, { by: () => child.stdin.end('exit\n') });
    },
  };
}

/** ipmitool on a terminal of its own, as a person sits before it. */
export interface IpmitoolTerminal {
  /** Resolves when it has printed that; rejects when it ends without. */
  shows(text: string): Promise<void>;
  type(keys: string): void;
  ended(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it under `script`, which makes the terminal. */
export function ipmitoolOnTerminal(target: IpmitoolTarget, ...words: string[]): IpmitoolTerminal {
  const command = ['ipmitool', ...argsOf(target), ...words].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...envOf(target), TERM: 'vt100' } });
  const said = saidBy(child, { encoding: 'latin1' });
  return {
    shows: async (text) => {
      await said.has(text, ANSWER_MS);
    },
    type: (keys) => {
      child.stdin.write(keys);
    },
    ended: () => ended(child),
    stop: async () => {
      await endChild(child);
    },
  };
}
