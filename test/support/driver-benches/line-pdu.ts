import { readFile } from 'node:fs/promises';
import { startVirtualPdu, type PduFault } from '../../../lab/virtual-pdu.ts';
import { createPowerDrivers } from '../../../power-drivers/index.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';
import { createDriverFolder } from '../driver-folder.ts';
import { realEdges } from '../ipmi-crypto.ts';
import { createQuietLog } from '../quiet-log.ts';

const PASSWORD = 'canary-of-a-line-pdu';
const EXAMPLE = 'power-drivers/examples/line-pdu';

/** Starts the bench of the example script: the lab's PDU, which takes one connection at a time. */
export async function startBench(): Promise<DriverBench> {
  const states = [false, false, false];
  const folder = await createDriverFolder();
  await folder.drop('line-pdu', await readFile(EXAMPLE, 'utf8'));
  const drivers = await createPowerDrivers([folder.path], { ...realEdges, log: createQuietLog() });
  drivers.close();
  const driver = drivers.byName('line-pdu');
  if (!driver) throw new Error(`${EXAMPLE} is no driver: ${drivers.problems()[0]?.because ?? ''}`);
  const pdu = await startVirtualPdu({
    address: '127.0.0.1',
    port: 0,
    password: PASSWORD,
    outlets: states.map((_, at) => ({ isOn: () => states[at] ?? false, turn: (on) => (states[at] = on) })),
    clock: realClock,
  });
  return {
    driver,
    parameters: { host: pdu.address, port: pdu.port, password: PASSWORD, outlet: 2 },
    secretField: 'password',
    truth: () => Promise.resolve(states[1] ? 'on' : 'off'),
    misbehave: (how) => {
      const mode: PduFault = how === 'not' ? 'none' : how;
      pdu.fault(mode);
      return Promise.resolve();
    },
    seen: () => pdu.heard(),
    close: async () => {
      await pdu.stop();
      await folder.remove();
    },
  };
}
