import type { Result } from '../../core/result.ts';
import { serialConfig, tcpPlace, unixPlace, type SerialPlace, type SerialTrouble } from '../serial-place.ts';

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Where the first serial line of a domain listens, of the XML that `virsh dumpxml` prints (libvirt's formatter: one
 * element a line, attributes in quotes). Only sockets that QEMU opens and listens on can be opened from outside.
 */
export function serialSource(domainXml: string): Result<SerialPlace, SerialTrouble> {
  const serial = elementOf(domainXml, 'serial') ?? elementOf(domainXml, 'console');
  if (!serial) return serialConfig('is not there: the domain has no <serial> device');
  const kind = serial.attributes['type'] ?? 'none';
  const source = elementOf(serial.inside, 'source')?.attributes ?? {};
  const protocol = elementOf(serial.inside, 'protocol')?.attributes['type'] ?? 'raw';
  if (kind !== 'unix' && kind !== 'tcp')
    return serialConfig(`is of type '${kind}', which cannot be opened from outside; give it type='unix', mode='bind'`);
  if (source['mode'] !== 'bind') return serialConfig("connects by itself; it must listen: mode='bind'");
  if (protocol !== 'raw') return serialConfig(`speaks '${protocol}'; it must be <protocol type='raw'/>`);
  return kind === 'unix' ? unixPlace(source['path'] ?? '') : tcpPlace(source['host'] ?? '', source['service'] ?? '');
}

interface Element {
  readonly attributes: Readonly<Record<string, string>>;
  readonly inside: string;
}

/** The first element of that name; what it holds up to its end tag. */
function elementOf(xml: string, name: string): Element | undefined {
  const tag = new RegExp(`<${name}((?:\\s+[\\w:]+=(?:'[^']*'|"[^"]*"))*)\\s*(/?)>`).exec(xml);
  if (!tag) return undefined;
  const begins = tag.index + tag[0].length;
  const ends = xml.indexOf(`</${name}>`, begins);
  return { attributes: attributesOf(tag[1] ?? ''), inside: tag[2] === '/' || ends < 0 ? '' : xml.slice(begins, ends) };
}

function attributesOf(text: string): Readonly<Record<string, string>> {
  const found = [...text.matchAll(/([\w:]+)=(?:'([^']*)'|"([^"]*)")/g)];
  return Object.fromEntries(found.map(([, name = '', single, double]) => [name, plain(single ?? double ?? '')]));
}

function plain(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '');
}
