import { realpath } from 'node:fs/promises';
import { pause } from '../ports/clock.ts';
import { ConsoleError, type ConsoleTransport } from '../ports/console.ts';
import { SPEED_FIELD, defineTransport } from './define.ts';
import { streamLine } from '../edges/stream-line.ts';

const BREAK_MS = 250;
type SerialModule = typeof import('serialport');

/** Loads the package `serialport`, which may be absent; a test gives its own. */
export type LoadSerial = () => Promise<SerialModule>;
/** The real package. */
export const loadSerial: LoadSerial = () => import('serialport');

/** A serial device of this host. */
export function serialTransport(load: LoadSerial): ConsoleTransport {
  return defineTransport({
    name: 'serial',
    summary: 'A serial device of this host: a USB adapter',
    fields: {
      path: {
        ...{ kind: 'file', label: 'Device', scope: 'controller', required: true, pattern: '/dev/[A-Za-z0-9/:._+-]+' },
        help: 'Best by its lasting name: /dev/serial/by-id/…',
      },
      speed: { ...SPEED_FIELD, default: 115_200 },
      dataBits: {
        kind: 'choice',
        label: 'Data bits',
        choices: ['8', '7'],
        default: '8',
        scope: 'machine',
        required: false,
      },
      parity: {
        ...{ kind: 'choice', label: 'Parity', choices: ['none', 'odd', 'even'], default: 'none' },
        ...{ scope: 'machine', required: false },
      },
    },
    open: async ({ path, speed, dataBits, parity }, { clock }, signal) => {
      const { SerialPort } = await loaded(load);
      const device = await deviceAt(path);
      if (signal.aborted) throw new ConsoleError('timeout', `${path} was not opened in time`);
      const settings = { baudRate: speed, dataBits: dataBits === '7' ? 7 : 8, parity: parityOf(parity) } as const;
      const port = new SerialPort({ path: device, ...settings, autoOpen: false });
      await new Promise<void>((resolve, reject) => {
        port.open((error) => {
          if (error) reject(errorOf(error, path));
          else resolve();
        });
      });
      const setBreak = (brk: boolean): Promise<void> =>
        new Promise((resolve, reject) => {
          port.set({ brk }, (error) => {
            if (error) reject(error);
            else resolve();
          });
        });
      const sendBreak = async (): Promise<void> => {
        await setBreak(true);
        await pause(clock, BREAK_MS);
        await setBreak(false);
      };
      return { ...streamLine(port, { clock, whom: path }), sendBreak };
    },
  });
}

async function loaded(load: LoadSerial): Promise<SerialModule> {
  try {
    return await load();
  } catch {
    const words = 'serial devices need the package "serialport", which is not installed; run: npm install serialport';
    throw new ConsoleError('tool-missing', words);
  }
}

/** The device behind a path, which may be a link; nothing outside of /dev. */
async function deviceAt(path: string): Promise<string> {
  const device = await realpath(path).catch(() => undefined);
  if (device === undefined) throw new ConsoleError('unreachable', `there is no ${path}; is the adapter in?`);
  if (!device.startsWith('/dev/')) throw new ConsoleError('config', `${path} leads out of /dev`);
  return device;
}

function parityOf(text: string): 'none' | 'odd' | 'even' {
  return text === 'odd' || text === 'even' ? text : 'none';
}

function errorOf(error: Error, path: string): ConsoleError {
  if (/denied|EACCES/.test(error.message))
    return new ConsoleError('config', `${path} may not be opened; put Farrier's user into the group dialout`);
  if (/lock/i.test(error.message)) return new ConsoleError('busy', `${path} is in use by another program`);
  return new ConsoleError('unreachable', `${path}: ${error.message}`);
}
