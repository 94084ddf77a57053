import { err, ok, type Result } from '../../core/result.ts';

/** Where a serial line can be reached. */
export type SocketPlace =
  { readonly is: 'unix'; readonly path: string } | { readonly is: 'tcp'; readonly host: string; readonly port: number };

/** The longest path of a UNIX socket on Linux, in octets (`sun_path` less its end). */
const PATH_MAX = 107;

/** What keeps a serial line from being opened: `busy` passes, `config` wants another QEMU command line. */
export interface SerialTrouble {
  readonly code: 'busy' | 'config';
  readonly because: string;
}

/**
 * Where QEMU listens for the one who wants a serial line, of the `filename` that `query-chardev` gives: the text that
 * `chardev/char-socket.c` of QEMU 7.2 makes.
 */
export function serialPlace(filename: string): Result<SocketPlace, SerialTrouble> {
  const free = filename.startsWith('disconnected:');
  const text = free ? filename.slice('disconnected:'.length) : filename;
  const [, kind, rest = ''] = /^(unix|tcp):(.*)$/.exec(text) ?? [];
  if (kind === undefined) {
    const form = /^[a-z0-9]+/.exec(text)?.[0] ?? 'unknown';
    return config(`is of the kind "${form}", which cannot be opened from outside; give it a socket`);
  }
  if (!/,server(=on)?( |,|$)/.test(rest)) return config('connects by itself; it must listen: server=on,wait=off');
  if (!free) return err({ code: 'busy', because: 'is taken by somebody else' });
  const place = rest.replace(/,server(=on)?.*$/, '');
  return kind === 'unix' ? unixPlace(place) : tcpPlace(place);
}

/** A UNIX socket by its path, if that can be one. */
export function unixPlace(path: string): Result<SocketPlace, SerialTrouble> {
  if (!path.startsWith('/')) return config('has a socket without its whole path');
  if (path.length > PATH_MAX || path.includes('\0')) return config('has a socket whose path is too long');
  return ok({ is: 'unix', path });
}

function tcpPlace(text: string): Result<SocketPlace, SerialTrouble> {
  const [, six, four, digits = ''] = /^(?:\[([0-9a-f:]+)\]|([0-9a-z.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = six ?? four;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return config('has an address that cannot be read');
  return ok({ is: 'tcp', host: ANY_HOST[host] ?? host, port });
}

/** Who listens everywhere is asked here. */
const ANY_HOST: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function config(because: string): Result<never, SerialTrouble> {
  return err({ code: 'config', because });
}
