import { err, ok, type Result } from '../core/result.ts';

/** Octets of a path, at most. */
const PATH_OCTETS_MAX = 255;

/**
 * Makes the name a loader asked for comparable: no slash at either end, none doubled, no `.` parts. Firmware asks
 * `/grub/grub.cfg`, `dtb/` (u-boot's EFI step) and `pxelinux.0` alike. Whatever could mean more than a plain relative
 * path to some file system (`..`, backslash, drive letter, control octet, text that is not UTF-8) is refused here, as
 * octets, before anybody resolves it.
 */
export function cleanBootPath(octets: Uint8Array): Result<string> {
  if (octets.length > PATH_OCTETS_MAX) return err(`a name of ${octets.length} octets is too long`);
  if (octets.some((octet) => octet < 0x20 || octet === 0x7f)) return err('the name holds a control octet');
  if (octets.includes(0x5c)) return err('the name holds a backslash');
  const text = utf8(octets);
  if (text === undefined) return err('the name is not UTF-8');
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) return err('the name is empty');
  if (parts.includes('..')) return err('the name climbs out of its folder');
  if (parts.some((part) => /^[A-Za-z]:/.test(part))) return err('the name holds a drive letter');
  return ok(parts.join('/'));
}

function utf8(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
}
