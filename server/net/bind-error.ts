import { holderOfUdpPort } from './port-holder.ts';

/** Why a port could not be had. `no-device` and `no-address` heal by themselves when the interface or its address appears. */
export type BindErrorCode = 'permission' | 'port-taken' | 'no-device' | 'no-address' | 'not-tied' | 'failed';

/** The error of every bind; the message ends in what the operator can do. */
export class BindError extends Error {
  override readonly name = 'BindError';
  readonly code: BindErrorCode;
  constructor(code: BindErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Puts a failed bind of a UDP port into words; `on` is the interface or the address. */
export async function bindErrorOf(cause: unknown, on: string, port: number): Promise<BindError> {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const where = `UDP port ${port} on ${on}`;
  switch (errno) {
    case 'EACCES':
    case 'EPERM':
      return new BindError('permission', `${where}: not permitted. ${remediesForPermission(port)}`, { cause });
    case 'EADDRINUSE': {
      const holder = await holderOfUdpPort(port);
      const remedy = 'Stop it, or keep it off this interface, and start Farrier again.';
      return new BindError('port-taken', `${where} is held by ${holder}. ${remedy}`, { cause });
    }
    case 'EADDRNOTAVAIL':
      return new BindError('no-address', `${where}: no interface has this address now.`, { cause });
    case 'EINVAL':
    case 'ENODEV':
      return new BindError('no-device', `${where}: there is no interface ${on}.`, { cause });
    default:
      return new BindError('failed', `${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** What lets an ordinary user have a port below 1024. */
export function remediesForPermission(port: number): string {
  return (
    'Run it from a systemd unit with AmbientCapabilities=CAP_NET_BIND_SERVICE, or with sudo, ' +
    `or allow the port: sysctl net.ipv4.ip_unprivileged_port_start=${port}`
  );
}
