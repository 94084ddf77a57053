import { bearerManner } from '../../../lab/pretend/hook.ts';
import { webhook } from '../../../power-drivers/webhook.ts';
import type { DriverBench } from '../driver-bench.ts';
import { webBench } from '../web-bench.ts';

/** A web service with a token that says its state as JSON. */
export function startBench(): Promise<DriverBench> {
  const token = 'Bearer canary-hook-1';
  return webBench({
    driver: webhook,
    manner: bearerManner(token),
    outlets: ['bench/4'],
    secretField: 'secret',
    parameters: ({ port }) => ({
      onUrl: `http://127.0.0.1:${port}/relay/{outlet}/on`,
      offUrl: `http://127.0.0.1:${port}/relay/{outlet}/off`,
      statusUrl: `http://127.0.0.1:${port}/relay/{outlet}`,
      statusPointer: '/relay/on',
      onText: 'true',
      offText: 'false',
      secret: token,
      outlet: 'bench/4',
    }),
  });
}
