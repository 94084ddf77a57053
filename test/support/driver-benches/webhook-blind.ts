import { bearerManner } from '../../../lab/pretend/hook.ts';
import { webhookBlind } from '../../../power-drivers/webhook.ts';
import type { DriverBench } from '../driver-bench.ts';
import { webBench } from '../web-bench.ts';

/** A web service that takes orders; its state is told to nobody but the bench. */
export function startBench(): Promise<DriverBench> {
  const token = 'Bearer canary-hook-2';
  return webBench({
    driver: webhookBlind,
    manner: bearerManner(token),
    outlets: ['4'],
    secretField: 'secret',
    parameters: ({ port }) => ({
      onUrl: `http://127.0.0.1:${port}/relay/{outlet}/on`,
      offUrl: `http://127.0.0.1:${port}/relay/{outlet}/off`,
      secret: token,
      outlet: '4',
    }),
  });
}
