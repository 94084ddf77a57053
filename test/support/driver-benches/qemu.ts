import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPretendQemu } from '../../../lab/pretend/qmp.ts';
import { createQemuDriver } from '../../../power-drivers/qemu.ts';
import { vouchForFolder } from '../../../power-drivers/trust.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';
import { switchedBench } from '../switched-bench.ts';

const qemu = createQemuDriver(vouchForFolder);

/** A pretend QEMU behind its QMP socket. QMP knows no credentials: the socket's file mode guards it. */
export async function startBench(): Promise<DriverBench> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-qmp-'));
  const device = await startPretendQemu(folder, realClock);
  return {
    driver: qemu,
    parameters: { socket: device.socket },
    secretField: undefined,
    ...switchedBench(device.machine),
    close: async () => {
      await device.close();
      await rm(folder, { recursive: true });
    },
  };
}
