import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endChild, hasEnded, saidBy } from '../../lab/child-process.ts';
import { tool } from '../../lab/netns.ts';
import { createLibvirtDriver } from '../../power-drivers/libvirt.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import { until } from './until.ts';

/** A libvirt daemon of its own: it sees nothing of the host's libvirt, and the host nothing of it. */
export interface LibvirtHost {
  readonly driver: PowerDriver;
  /** Runs virsh against it. */
  readonly virsh: (...args: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

const QEMU_CONF = `security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
seccomp_sandbox = 0
stdio_handler = "file"
`;

/** Starts Debian's libvirtd in a mount namespace whose /run, /etc/libvirt and /var/lib/libvirt are empty folders. */
export async function startLibvirt(folder: string): Promise<LibvirtHost> {
  const etc = join(folder, 'etc');
  await mkdir(etc);
  await writeFile(join(etc, 'qemu.conf'), QEMU_CONF);
  await writeFile(join(etc, 'libvirtd.conf'), 'auth_unix_rw = "none"\n');
  const places = ['lib', 'cache', 'log'].map((name) => `/var/${name}/libvirt`);
  const script = `mount -t tmpfs tmpfs /run && mkdir -p /etc/libvirt && mount --bind "$1" /etc/libvirt || exit 1
    for place in ${places.join(' ')}; do mkdir -p $place && mount -t tmpfs tmpfs $place || exit 1; done
    libvirtd & wait`;
  // A process namespace too: libvirt waits for processes of its machines to be gone, and some shell has to bury them.
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const daemon = spawn('unshare', [...apart, 'sh', '-c', script, 'sh', etc], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = saidBy(daemon, { keep: 4000 });
  await once(daemon, 'spawn');
  // libvirt puts its sockets where only its own namespace has them.
  const path = join(folder, 'virsh');
  await writeFile(path, `#!/bin/sh\nexec nsenter --target ${String(daemon.pid)} --mount virsh "$@"\n`);
  await chmod(path, 0o755);
  const virsh = (...args: readonly string[]): Promise<string> =>
    tool('timeout', ['20', path, '-q', '-c', 'qemu:///system', ...args]);
  const answers = (): Promise<boolean> =>
    virsh('version').then(
      () => true,
      () => false,
    );
  const socket = `/proc/${String(daemon.pid)}/root/run/libvirt/libvirt-sock`;
  // It asks every QEMU of the host what it can do before it answers.
  const ready = async (): Promise<boolean> => {
    if (hasEnded(daemon)) throw new Error('it ended at once');
    return existsSync(socket) && (await answers());
  };
  const stop = async (): Promise<void> => {
    await endChild(daemon);
  };
  await until('libvirtd answers', ready, 120_000, said.all).catch(async (cause: unknown) => {
    await stop();
    throw cause;
  });
  return {
    driver: createLibvirtDriver(path),
    virsh,
    stop,
  };
}
