import { ConsoleError } from '../ports/console.ts';
import { SPEED_FIELD, defineTransport } from './define.ts';

/** Whatever way the machine's power driver has: serial over LAN, a virtual machine's port. */
export const powerDriver = defineTransport({
  name: 'power-driver',
  summary: 'By the machine’s power driver: serial over LAN, a virtual machine’s console',
  fields: { speed: SPEED_FIELD },
  open: (_given, { byPowerDriver }, signal) => {
    if (byPowerDriver) return byPowerDriver(signal);
    const words = 'the machine has no power driver that can open consoles; set one, or choose another transport';
    return Promise.reject(new ConsoleError('config', words));
  },
});
