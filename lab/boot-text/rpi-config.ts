import { err, ok, type Result } from '../../server/core/result.ts';

/** What config.txt says that a boot needs; paths stand as in the file. */
export interface RpiOrder {
  readonly kernel: string;
  readonly initrd: string | undefined;
  readonly dtb: string | undefined;
}

/** Older firmware cuts lines here (documentation of config.txt). */
const LINE_OCTETS_MAX = 78;

/**
 * Reads config.txt as the firmware does: lines are cut at 78 octets, `[all]` ends the sections for other models, the
 * last of a setting counts, `initramfs` has no equals sign. The error says what no 64-bit kernel could start with.
 */
export function readRpiConfig(text: string): Result<RpiOrder> {
  const settings = new Map<string, string>();
  let isForUs = true;
  for (const line of text.split('\n').map((each) => each.slice(0, LINE_OCTETS_MAX).trim())) {
    const section = /^\[(.*)\]$/.exec(line)?.[1];
    if (section !== undefined) isForUs = section === 'all';
    else if (isForUs) read(line, settings);
  }
  if (settings.get('arm_64bit') !== '1') return err('arm_64bit is not 1, and the kernel is for 64 bits');
  return ok({
    kernel: settings.get('kernel') ?? 'kernel8.img',
    initrd: settings.get('initramfs'),
    dtb: settings.get('device_tree'),
  });
}

function read(line: string, settings: Map<string, string>): void {
  const initrd = /^initramfs (\S+) (followkernel|0x[0-9a-f]+)$/.exec(line)?.[1];
  if (initrd !== undefined) settings.set('initramfs', initrd);
  const [, name, value] = /^([a-z]\w*)=(.*)$/.exec(line) ?? [];
  if (name !== undefined && name !== 'initramfs' && value !== undefined) settings.set(name, value);
}
