import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPretendVirsh } from '../../../lab/pretend/virsh.ts';
import { createLibvirtDriver } from '../../../power-drivers/libvirt.ts';
import type { DriverBench } from '../driver-bench.ts';

/** A pretend virsh. libvirt's credentials are the host's (socket modes, ssh keys), never ours. */
export async function startBench(): Promise<DriverBench> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-virsh-'));
  const virsh = await createPretendVirsh(folder);
  return {
    driver: createLibvirtDriver(virsh.path),
    parameters: { domain: 'board1' },
    secretField: undefined,
    truth: virsh.truth,
    misbehave: virsh.misbehave,
    seen: virsh.seen,
    close: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}
