import { shelly2Manner } from '../../../lab/pretend/plugs.ts';
import { plug } from '../../../power-drivers/plug.ts';
import type { DriverBench } from '../driver-bench.ts';
import { webBench } from '../web-bench.ts';

/** A plug of the table that asks for the most: digest authentication with SHA-256. */
export function startBench(): Promise<DriverBench> {
  const user = { user: 'admin', password: 'canary-plug-1' };
  return webBench({
    driver: plug,
    manner: shelly2Manner(user),
    outlets: ['0'],
    secretField: 'password',
    parameters: ({ port }) => ({ kind: 'shelly-2', host: '127.0.0.1', port, password: user.password }),
  });
}
