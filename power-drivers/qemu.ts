import { dirname } from 'node:path';
import type { ParametersOf } from '../server/core/field.ts';
import { streamLine } from '../server/edges/stream-line.ts';
import type { Clock } from '../server/ports/clock.ts';
import type { Result } from '../server/core/result.ts';
import type { ConsoleLine } from '../server/ports/console.ts';
import { PowerError, type PowerDriver } from '../server/ports/power-driver.ts';
import { textMember } from '../server/wire/qmp/message.ts';
import { runMeaning, type RunMeaning } from '../server/wire/qmp/run-state.ts';
import { serialPlace } from '../server/wire/qmp/serial-port.ts';
import { openSocket } from './common/open-socket.ts';
import { withQmp, type Qmp } from './common/qmp-client.ts';
import { definePowerDriver } from './define.ts';

const fields = {
  socket: {
    kind: 'file',
    label: 'QMP socket',
    help: 'Whole path of the socket QEMU was given with -qmp unix:PATH,server=on,wait=off.',
    scope: 'controller',
    required: true,
    max: 107,
    pattern: '/[^,]+',
  },
  serial: {
    kind: 'text',
    label: 'Serial line',
    help: 'Its name in QEMU: "serial0" is the first -serial. It must be a socket: -serial unix:PATH,server=on,wait=off.',
    scope: 'machine',
    required: true,
    default: 'serial0',
    max: 64,
    pattern: '[A-Za-z0-9._-]+',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

/** The real path of a folder in which nobody but root and this process's user can put anything, or why not. */
type VouchForFolder = (folder: string) => Promise<Result<string>>;

/**
 * A QEMU that somebody else runs, over QMP. Off is held before its first instruction, with its memory and devices
 * reset; on lets it go. QEMU itself stays, so that its console can be open before power-on.
 */
export function createQemuDriver(vouch: VouchForFolder): PowerDriver {
  return definePowerDriver({
    name: 'qemu',
    summary: 'A virtual machine of a running QEMU, over its QMP socket',
    fields,
    abilities: ['on', 'off', 'status', 'reset', 'info', 'console'],
    callTimeoutMs: 5000,
    settleTimeoutMs: 10_000,
    open: (parameters, { clock }) => {
      const { socket } = parameters;
      const talk = <T>(signal: AbortSignal, does: (qmp: Qmp) => Promise<T>): Promise<T> =>
        withQmp(socket, signal, does);
      return {
        set: (want, signal) => talk(signal, (qmp) => (want === 'on' ? switchOn(qmp, socket) : switchOff(qmp, socket))),
        query: (signal) =>
          talk(signal, async (qmp) => {
            const { power } = (await look(qmp, socket)).meaning;
            return power === 'frozen' ? 'unknown' : power;
          }),
        reset: (signal) =>
          talk(signal, async (qmp) => {
            const { meaning, state } = await look(qmp, socket);
            if (meaning.power === 'off')
              throw new PowerError('refused', `QEMU ${socket}: is off (${state}); order "on"`);
            await resetDevices(qmp);
            // A machine that crashed stays held after its reset.
            if (meaning.needsReset || meaning.power === 'frozen') await qmp.ask('cont');
          }),
        info: (signal) => talk(signal, (qmp) => tell(qmp, socket)),
        console: (signal) => openSerial(parameters, { vouch, clock }, signal),
      };
    },
  });
}

async function look(qmp: Qmp, socket: string): Promise<{ readonly state: string; readonly meaning: RunMeaning }> {
  const state = textMember(await qmp.ask('query-status'), 'status') ?? '';
  const meaning = runMeaning(state);
  if (!meaning) throw new PowerError('refused', `QEMU ${socket}: its run state is none that is known`);
  return { state, meaning };
}

async function switchOn(qmp: Qmp, socket: string): Promise<void> {
  const { meaning } = await look(qmp, socket);
  if (meaning.power === 'on' && !meaning.needsReset) return;
  if (meaning.needsReset) await resetDevices(qmp);
  await qmp.ask('cont');
}

/** Holds it first: a machine that is reset while it runs would begin to boot. */
async function switchOff(qmp: Qmp, socket: string): Promise<void> {
  if ((await look(qmp, socket)).meaning.power === 'off') return;
  await qmp.ask('stop');
  await resetDevices(qmp);
}

/** QEMU answers before it has done it; a QEMU with -no-reboot shuts down instead. */
async function resetDevices(qmp: Qmp): Promise<void> {
  await qmp.ask('system_reset');
  await qmp.event('RESET', 'SHUTDOWN');
}

async function tell(qmp: Qmp, socket: string): Promise<Readonly<Record<string, string>>> {
  const { state } = await look(qmp, socket);
  const name = textMember(await qmp.ask('query-name'), 'name');
  const uuid = textMember(await qmp.ask('query-uuid'), 'UUID');
  return { QEMU: qmp.version, state, ...(name === undefined ? {} : { name }), ...(uuid === undefined ? {} : { uuid }) };
}

/**
 * QEMU itself says where the line is: nobody can point Farrier's keyboard at another program's socket. So it must be a
 * QEMU of ours or of root's: whoever could put another socket in its place would say where the keyboard goes.
 */
async function openSerial(
  { socket, serial }: Parameters,
  { vouch, clock }: { readonly vouch: VouchForFolder; readonly clock: Clock },
  signal: AbortSignal,
): Promise<ConsoleLine> {
  const where = `QEMU ${socket}: serial line "${serial}"`;
  const folder = await vouch(dirname(socket));
  if (!folder.ok) throw new PowerError('config', `${where}: ${folder.error}`);
  const filename = await withQmp(socket, signal, async (qmp) => {
    const all = await qmp.ask('query-chardev');
    const list: readonly unknown[] = Array.isArray(all) ? all : [];
    const found = list.find((each) => textMember(each, 'label') === serial);
    if (found === undefined) {
      const labels = list.map((each) => textMember(each, 'label') ?? '').filter((label) => label !== '');
      throw new PowerError('config', `${where} is not there; QEMU has ${labels.slice(0, 20).join(', ').slice(0, 200)}`);
    }
    return textMember(found, 'filename') ?? '';
  });
  const place = serialPlace(filename);
  if (!place.ok) throw new PowerError(place.error.code, `${where} ${place.error.because}`);
  return streamLine(await openSocket(place.value, where, signal), { clock, whom: where });
}
