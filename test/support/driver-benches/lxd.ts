import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPretendLxd } from '../../../lab/pretend/lxd.ts';
import { lxd } from '../../../power-drivers/lxd.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';
import { switchedBench } from '../switched-bench.ts';

/** A pretend LXD behind its UNIX socket, where the socket's file mode takes the place of credentials. */
export async function startBench(): Promise<DriverBench> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-lxd-'));
  const device = await startPretendLxd(folder, realClock);
  return {
    driver: lxd,
    parameters: { socket: device.socket, instance: 'c1' },
    secretField: undefined,
    ...switchedBench(device.machine),
    close: async () => {
      await device.close();
      await rm(folder, { recursive: true });
    },
  };
}
