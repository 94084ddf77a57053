import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { IpmitoolTarget } from './ipmitool.ts';

const run = promisify(execFile);

/** Debian's ipmipower (package freeipmi-tools) with its log-in in a file. */
export interface Ipmipower {
  /** One order, such as `--stat`; gives what it printed. Rejects when it says no. */
  run(order: string): Promise<string>;
  /** Removes the file. */
  end(): Promise<void>;
}

/** Makes it ready for one BMC. */
export async function startIpmipower(target: IpmitoolTarget & { readonly suite: string }): Promise<Ipmipower> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-ipmipower-'));
  const config = join(folder, 'freeipmi.conf');
  await writeFile(config, `username ${target.user}\npassword ${target.password}\n`, { mode: 0o600 });
  const host = `${target.host}:${String(target.port)}`;
  // It asks again after 1 s unless told; a slow machine may take longer to answer what it did at once.
  const patience = ['--session-timeout=120000', '--retransmission-timeout=15000'];
  const args = [
    '--config-file',
    config,
    ...patience,
    '-D',
    'LAN_2_0',
    '-I',
    target.suite,
    '-l',
    'OPERATOR',
    '-h',
    host,
  ];
  return {
    run: async (order) => (await run('ipmipower', [...args, order])).stdout,
    end: () => rm(folder, { recursive: true }),
  };
}
