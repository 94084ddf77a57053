import { controllerUrl } from './common/controller-url.ts';
import { httpCall } from './common/http-call.ts';
import { webFields } from './common/web-device.ts';
import { definePowerDriver } from './define.ts';
import { PowerError } from '../server/ports/power-driver.ts';

const fields = {
  ...webFields,
  port: { kind: 'port', label: 'TCP port', scope: 'controller', required: true, default: 16_421 },
  pdu: {
    kind: 'text',
    label: 'PDU',
    help: 'Its name under "pdus" in pdudaemon.conf.',
    scope: 'controller',
    required: true,
  },
  outlet: {
    kind: 'integer',
    label: 'Outlet',
    help: 'The port, counted as that PDU counts.',
    scope: 'machine',
    required: true,
    min: 0,
    max: 100_000,
  },
  rebootDelayS: {
    kind: 'integer',
    label: 'Time off during a reset',
    scope: 'machine',
    required: true,
    default: 5,
    min: 0,
    max: 10,
    unit: 's',
  },
} as const;

/**
 * PDUs behind pdudaemon's HTTP listener. It takes orders and knows no states; it answers when its own driver has
 * run, and with a yes even when that driver failed. Nothing protects its port: keep it on 127.0.0.1 or on the PDU network.
 */
export const pdudaemon = definePowerDriver({
  name: 'pdudaemon',
  summary: 'A PDU behind pdudaemon: takes orders, cannot tell the state',
  fields,
  abilities: ['on', 'off', 'reset'],
  callTimeoutMs: 20_000,
  settleTimeoutMs: 20_000,
  open: ({ tlsFingerprint, pdu, outlet, rebootDelayS, ...place }) => {
    const order = async (verb: string, delayS: number, signal: AbortSignal): Promise<void> => {
      const query = new URLSearchParams({ hostname: pdu, port: String(outlet), delay: String(delayS) });
      const url = controllerUrl(place.scheme, place.host, place.port, `/power/control/${verb}?${query.toString()}`);
      const reply = await httpCall({ url, method: 'GET', tlsFingerprint }, signal);
      if (reply.status !== 200) throw refusal(place, pdu, reply.status);
    };
    return {
      set: (want, signal) => order(want, 0, signal),
      query: () => Promise.resolve('unknown'),
      reset: (signal) => order('reboot', rebootDelayS, signal),
    };
  },
});

function refusal(
  { host, port }: { readonly host: string; readonly port: number | undefined },
  pdu: string,
  status: number,
): PowerError {
  const where = `pdudaemon ${host}:${port ?? ''}`;
  if (status === 500)
    return new PowerError('refused', `${where}: takes no order for PDU "${pdu}"; is it in pdudaemon.conf?`);
  return new PowerError('refused', `${where}: answered HTTP ${status}; is its listener "http"?`);
}
