import { err, type Result } from '../../core/result.ts';
import { serialConfig, tcpPlace, unixPlace, type SerialPlace, type SerialTrouble } from '../serial-place.ts';

/**
 * Where QEMU listens for the one who wants a serial line, of the `filename` that `query-chardev` gives: the text that
 * `chardev/char-socket.c` of QEMU 7.2 makes.
 */
export function serialPlace(filename: string): Result<SerialPlace, SerialTrouble> {
  const free = filename.startsWith('disconnected:');
  const text = free ? filename.slice('disconnected:'.length) : filename;
  const [, kind, rest = ''] = /^(unix|tcp):(.*)$/.exec(text) ?? [];
  if (kind === undefined) {
    const form = /^[a-z0-9]+/.exec(text)?.[0] ?? 'unknown';
    return serialConfig(`is of the kind "${form}", which cannot be opened from outside; give it a socket`);
  }
  if (!/,server(=on)?( |,|$)/.test(rest)) return serialConfig('connects by itself; it must listen: server=on,wait=off');
  if (!free) return err({ code: 'busy', because: 'is taken by somebody else' });
  const place = rest.replace(/,server(=on)?.*$/, '');
  if (kind === 'unix') return unixPlace(place);
  const [, six, four, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(place) ?? [];
  return tcpPlace(six ?? four ?? '', digits ?? '');
}
