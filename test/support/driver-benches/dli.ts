import { dliRestManner } from '../../../lab/pretend/dli.ts';
import { dli } from '../../../power-drivers/dli.ts';
import type { DriverBench } from '../driver-bench.ts';
import { webBench } from '../web-bench.ts';

/** A Digital Loggers switch with the REST interface, found by asking. */
export function startBench(): Promise<DriverBench> {
  const user = { user: 'admin', password: 'canary-dli-1' };
  return webBench({
    driver: dli,
    manner: dliRestManner({ ...user, outlets: 8 }),
    outlets: ['3'],
    secretField: 'password',
    parameters: ({ port }) => ({ host: '127.0.0.1', port, password: user.password, outlet: 3 }),
  });
}
