import { err, ok, type Result } from '../core/result.ts';

/** Where a virtual machine's serial line can be reached. */
export type SerialPlace =
  { readonly is: 'unix'; readonly path: string } | { readonly is: 'tcp'; readonly host: string; readonly port: number };

/** What keeps a serial line from being opened: `busy` passes, `config` wants another setting of the machine. */
export interface SerialTrouble {
  readonly code: 'busy' | 'config';
  readonly because: string;
}

/** The longest path of a UNIX socket on Linux, in octets (`sun_path` less its end). */
const PATH_MAX = 107;
/** Who listens everywhere is asked here. */
const ANY_HOST: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** A UNIX socket by its path, if that can be one. */
export function unixPlace(path: string): Result<SerialPlace, SerialTrouble> {
  if (!path.startsWith('/')) return serialConfig('has a socket without its whole path');
  if (path.length > PATH_MAX || path.includes('\0')) return serialConfig('has a socket whose path is too long');
  return ok({ is: 'unix', path });
}

/** A TCP port by its host and decimal digits. */
export function tcpPlace(host: string, digits: string): Result<SerialPlace, SerialTrouble> {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  if (!/^[0-9a-f:]+$|^[0-9a-z][0-9a-z.-]{0,252}$/i.test(host) || port < 1 || port > 65_535)
    return serialConfig('has an address that cannot be read');
  return ok({ is: 'tcp', host: Object.hasOwn(ANY_HOST, host) ? (ANY_HOST[host] ?? host) : host, port });
}

/** A line that must be set up otherwise. */
export function serialConfig(because: string): Result<never, SerialTrouble> {
  return err({ code: 'config', because });
}
