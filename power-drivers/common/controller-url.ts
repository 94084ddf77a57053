import { PowerError } from '../../server/ports/power-driver.ts';

/**
 * The address of a controller's web server, with the scheme's own port where none is given. Throws `config` for a host no URL
 * can hold, such as an IPv6 address with its zone.
 */
export function controllerUrl(scheme: string, host: string, port: number | undefined, path = '/'): URL {
  const name = host.includes(':') ? `[${host}]` : host;
  const text = `${scheme}://${name}${port === undefined ? '' : `:${port}`}${path}`;
  if (URL.canParse(text)) return new URL(text);
  throw new PowerError('config', `"host" ${host} cannot stand in a URL; give a name, or an address without its zone`);
}
