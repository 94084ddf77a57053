import { joined } from '../../core/octets.ts';

const ascii = (text: string): readonly number[] => Array.from(text, (letter) => letter.charCodeAt(0));

/** Where a bzImage keeps its version as text; nothing when it has none (Documentation/arch/x86/boot.rst). */
export function bzImageVersionAt(head: Uint8Array): number | undefined {
  const pointer = (head[0x20e] ?? 0) | ((head[0x20f] ?? 0) << 8);
  return pointer === 0 ? undefined : pointer + 0x200;
}

/** The release at the beginning of a version text: `6.1.0-56-arm64 (debian-kernel@…) …`. */
export function releaseOf(version: Uint8Array): string | undefined {
  const text = new TextDecoder('latin1').decode(version.subarray(0, 128));
  return /^(\d[\w.+~-]{0,63})[\s\0(]/.exec(text)?.[1];
}

/** Longest text looked for plus what must stand behind it. */
const OVERLAP = 256;
const BANNER = ascii('Linux version ');
const CONFIG = ascii('IKCFG_ST');

/** What a kernel that is not packed says of itself somewhere in its octets. */
export class KernelScan {
  #tail: Uint8Array = new Uint8Array(0);
  #at = 0;
  #release: string | undefined;
  #configAt: number | undefined;

  /** What `uname -r` will say, from the banner "Linux version …". */
  get release(): string | undefined {
    return this.#release;
  }

  /** Where the gzip'd configuration begins (CONFIG_IKCONFIG). */
  get configAt(): number | undefined {
    return this.#configAt;
  }

  /** Looks through the next piece. */
  push(octets: Uint8Array): void {
    const whole = joined(this.#tail, octets);
    for (let found = indexOf(whole, BANNER, 0); found >= 0 && this.#release === undefined;) {
      this.#release = releaseOf(whole.subarray(found + BANNER.length));
      found = indexOf(whole, BANNER, found + 1);
    }
    const config = indexOf(whole, CONFIG, 0);
    if (config >= 0) this.#configAt ??= this.#at + config + CONFIG.length;
    this.#tail = whole.slice(Math.max(0, whole.length - OVERLAP));
    this.#at += whole.length - this.#tail.length;
  }
}

function indexOf(octets: Uint8Array, wanted: readonly number[], from: number): number {
  const [first = 0] = wanted;
  for (let at = octets.indexOf(first, from); at >= 0; at = octets.indexOf(first, at + 1))
    if (wanted.every((octet, nth) => octets[at + nth] === octet)) return at;
  return -1;
}
