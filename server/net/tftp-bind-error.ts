import { remediesForPermission } from './bind-error.ts';
import { holderOfUdpPort } from './port-holder.ts';

/** A TFTP port could not be opened; the message names the likely cause and the remedies. `code` is the system's. */
export class TftpBindError extends Error {
  override readonly name = 'TftpBindError';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Puts the failure to bind UDP `port` on `address` into words an operator can act on. */
export async function bindFault(error: NodeJS.ErrnoException, address: string, port: number): Promise<TftpBindError> {
  const code = error.code ?? 'unknown';
  return new TftpBindError(code, `UDP ${address}:${port} (TFTP): ${await remedy(code, port, error.message)}`, {
    cause: error,
  });
}

async function remedy(code: string, port: number, message: string): Promise<string> {
  switch (code) {
    case 'EADDRINUSE':
      return (
        `held by ${await holderOfUdpPort(port)}. Stop it ` +
        '(systemctl disable --now tftpd-hpa, or enable-tftp removed from dnsmasq) and start Farrier again'
      );
    case 'EACCES':
    case 'EPERM':
      return `not permitted. ${remediesForPermission(port)}`;
    case 'EADDRNOTAVAIL':
      return 'no interface has this address now; it is opened as soon as one has ("ip -4 addr" shows what there is)';
    default:
      return message;
  }
}
