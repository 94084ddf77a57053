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
export function bindFault(error: NodeJS.ErrnoException, address: string, port: number): TftpBindError {
  const code = error.code ?? 'unknown';
  return new TftpBindError(code, `UDP ${address}:${port} (TFTP): ${remedy(code, error.message)}`, { cause: error });
}

function remedy(code: string, message: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return (
        'another program holds it, most likely tftpd-hpa, dnsmasq or atftpd; "ss -ulpn sport = :69" names it. ' +
        'Stop it (systemctl disable --now tftpd-hpa, enable-tftp removed from dnsmasq) and start again'
      );
    case 'EACCES':
    case 'EPERM':
      return (
        'not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE ' +
        '(AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit, or setcap on a node binary of its own)'
      );
    case 'EADDRNOTAVAIL':
      return 'no interface has this address now; it is opened as soon as one has ("ip -4 addr" shows what there is)';
    default:
      return message;
  }
}
