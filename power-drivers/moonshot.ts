import type { ClientChannel } from 'ssh2';
import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { streamLine } from '../server/edges/stream-line.ts';
import type { Clock } from '../server/ports/clock.ts';
import type { ConsoleLine } from '../server/ports/console.ts';
import { PowerError } from '../server/ports/power-driver.ts';
import { openSshSession } from './common/ssh-session.ts';
import { definePowerDriver } from './define.ts';

/** Octets a command may print. */
const OUTPUT_MAX = 64 * 1024;
const ESC = 0x1b;
/** `ESC (` leads from a virtual serial port back to the chassis manager. */
const LEAVE = Buffer.from([ESC, 0x28]);

/** What the chassis manager says when it connects a port, or why it does not. Its prompt may come before it. */
const VSP_ANSWER =
  /Virtual Serial Port active[^\n]*\n|[^\n]*\b(?:in use|invalid|error|denied|failed|unable|not (?:present|found|supported)|unknown)\b[^\n]*\n/i;

const fields = {
  host: { kind: 'host', label: 'Chassis manager', scope: 'controller', required: true },
  port: { kind: 'port', label: 'SSH port', scope: 'controller', required: true, default: 22 },
  user: { kind: 'text', label: 'User', scope: 'controller', required: true, max: 64, pattern: '[!-~]+' },
  password: { kind: 'secret', label: 'Password', scope: 'controller', required: false, max: 128 },
  privateKey: {
    kind: 'secret',
    label: 'SSH key',
    help: 'Instead of a password: the private key without passphrase, as one line (its line breaks may be lost).',
    scope: 'controller',
    required: false,
    max: 4096,
  },
  hostKey: {
    kind: 'text',
    label: "Chassis' SSH key",
    help: 'SHA256:… as ssh-keygen -l says it. Leave it out once: the error names the key the chassis shows.',
    scope: 'controller',
    required: false,
    pattern: 'SHA256:[A-Za-z0-9+/]{43}=?',
  },
  node: {
    kind: 'text',
    label: 'Node',
    help: 'Cartridge and node: c7n1.',
    scope: 'machine',
    required: true,
    pattern: 'c[1-9][0-9]?n[1-4]',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

/** Cartridges of an HP Moonshot chassis, by the command line of its chassis manager over SSH. */
export const moonshot = definePowerDriver({
  name: 'moonshot',
  summary: 'A cartridge of an HP Moonshot chassis (chassis manager over SSH)',
  fields,
  abilities: ['on', 'off', 'status', 'info', 'console'],
  callTimeoutMs: 15_000,
  settleTimeoutMs: 60_000,
  paceMs: 200,
  open: (parameters, { clock }) => {
    const { node } = parameters;
    return {
      set: async (want, signal) => {
        const said = await command(parameters, `set node power ${want === 'on' ? 'on' : 'off force'} ${node}`, signal);
        const fault = /^.*\b(invalid|error|denied|failed|unable|not (?:present|found|supported)|unknown)\b.*$/im.exec(
          said,
        );
        if (fault) throw new PowerError('refused', `${whereOf(parameters)}: ${shortWords(fault[0])}`);
      },
      query: async (signal) => powerOf(parameters, await command(parameters, `show node power ${node}`, signal)),
      info: async (signal) => infoOf(await command(parameters, `show node info ${node}`, signal)),
      console: (signal) => openSerialPort(parameters, clock, signal),
    };
  },
});

function whereOf({ host, port, node }: Parameters): string {
  return `Moonshot ${host}:${port}, node ${node}`;
}

function shortWords(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 200);
}

/** One command in a login of its own: the chassis manager has few sessions, and none is left behind. */
async function command(parameters: Parameters, line: string, signal: AbortSignal): Promise<string> {
  const session = await openSshSession(parameters, { where: whereOf(parameters), signal });
  try {
    return await session.run(line, OUTPUT_MAX);
  } finally {
    session.end();
  }
}

/** `Power State: On` below the cartridge and node; a cartridge that is not there has no state. */
function powerOf(parameters: Parameters, said: string): PowerState {
  const [, word] = /^\s*Power State:[ \t]*(\w+)[ \t]*\r*$/im.exec(said) ?? [];
  if (word === undefined)
    throw new PowerError('refused', `${whereOf(parameters)}: the chassis manager tells no power state`);
  const state = word.toLowerCase();
  return state === 'on' || state === 'off' ? state : 'unknown';
}

function infoOf(said: string): Readonly<Record<string, string>> {
  const lines = said.split(/[\r\n]+/).flatMap((line) => {
    const [, label, value] = /^\s*([A-Za-z][^:]{0,40}):\s+(\S.{0,200})$/.exec(line) ?? [];
    return label === undefined || value === undefined ? [] : [[label, shortWords(value)] as const];
  });
  return Object.fromEntries(lines.slice(0, 40));
}

/** The words around the switch-over are the chassis manager's; all after "Active" is passed on. */
async function openSerialPort(parameters: Parameters, clock: Clock, signal: AbortSignal): Promise<ConsoleLine> {
  const where = `${whereOf(parameters)}: serial port`;
  const session = await openSshSession(parameters, { where, signal });
  try {
    const channel = await session.shell({ term: 'dumb', cols: 200, rows: 50 });
    await readUntil(channel, /hpiLO-> *$/, where, signal);
    channel.write(`connect node vsp ${parameters.node}\r`);
    const answer = await readUntil(channel, VSP_ANSWER, where, signal);
    if (/in use/i.test(answer)) throw new PowerError('busy', `${where}: is taken by another session`);
    if (!/serial port active/i.test(answer)) throw new PowerError('refused', `${where}: ${shortWords(answer)}`);
    const line = streamLine(channel, { clock, whom: where, goodbye: LEAVE });
    void line.ended.then(session.end);
    const guard = keyGuard();
    return { ...line, write: (octets) => line.write(guard(octets)) };
  } catch (cause) {
    session.end();
    throw cause;
  }
}

/** `ESC (` typed on a console would hand the chassis to whoever may type on one board: its second octet is dropped. */
function keyGuard(): (octets: Uint8Array) => Uint8Array {
  let last = 0;
  return (octets) =>
    octets.filter((octet) => {
      if (last === ESC && octet === LEAVE[1]) return false;
      last = octet;
      return true;
    });
}

/** Reads up to the end of the first match; what follows stays in the channel. */
async function readUntil(channel: ClientChannel, wanted: RegExp, where: string, signal: AbortSignal): Promise<string> {
  let said = Buffer.alloc(0);
  for (;;) {
    const chunk: unknown = channel.read();
    if (!Buffer.isBuffer(chunk)) {
      await moreFrom(channel, where, signal);
      continue;
    }
    said = Buffer.concat([said, chunk]);
    // Latin-1: one character an octet, so that the match tells where it ends in octets.
    const found = wanted.exec(said.toString('latin1'));
    if (found) {
      const end = found.index + found[0].length;
      if (end < said.length) channel.unshift(said.subarray(end));
      return found[0];
    }
    if (said.length > OUTPUT_MAX) throw new PowerError('refused', `${where}: says more than ${OUTPUT_MAX} octets`);
  }
}

function moreFrom(channel: ClientChannel, where: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (fault?: PowerError): void => {
      channel.off('readable', more).off('close', ended);
      signal.removeEventListener('abort', stop);
      if (fault) reject(fault);
      else resolve();
    };
    const more = (): void => {
      done();
    };
    const ended = (): void => {
      done(new PowerError('unreachable', `${where}: closed the connection in the middle`));
    };
    const stop = (): void => {
      done(new PowerError('timeout', `${where}: stopped waiting`));
    };
    channel.once('readable', more).once('close', ended);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}
