import { crc32 } from '../crc32.ts';
import { err, ok, type Result } from '../../server/core/result.ts';

const HEADER_OCTETS = 64;
const IH_MAGIC = 0x27051956;
const IH_TYPE_SCRIPT = 6;

/**
 * The text inside a u-boot legacy image of type script, after the checks that u-boot's `source` makes: magic, header
 * CRC (with its own field zeroed), data CRC, type, and the table of lengths that ends in a zero word.
 */
export function scriptOfImage(image: Uint8Array): Result<string> {
  if (image.length < HEADER_OCTETS + 8) return err(`${image.length} octets are too few for a script image`);
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  if (view.getUint32(0) !== IH_MAGIC) return err('Bad magic number');
  const header = Uint8Array.from(image.subarray(0, HEADER_OCTETS));
  header.fill(0, 4, 8);
  if (crc32(header) !== view.getUint32(4)) return err('Bad header crc');
  const octets = view.getUint32(12);
  if (HEADER_OCTETS + octets > image.length) return err(`the header says ${octets} octets, fewer came`);
  const content = image.subarray(HEADER_OCTETS, HEADER_OCTETS + octets);
  if (crc32(content) !== view.getUint32(24)) return err('Bad data crc');
  if (image[30] !== IH_TYPE_SCRIPT) return err(`image type ${image[30] ?? 0} is not a script`);
  const scriptOctets = view.getUint32(HEADER_OCTETS);
  if (view.getUint32(HEADER_OCTETS + 4) !== 0) return err('more than one script in the image');
  if (8 + scriptOctets > octets) return err('the script is longer than its image');
  return ok(new TextDecoder().decode(content.subarray(8, 8 + scriptOctets)));
}
