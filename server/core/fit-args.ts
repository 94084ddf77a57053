import { argText, escapeOctets, nameOfWord } from './arg-text.ts';
import type { Board, BoardLoader, BootFormat } from './board.ts';
import {
  costliest,
  faultOfWord,
  measureArgs,
  passedLimits,
  type ArgLimit,
  type ArgMeasure,
  type KernelArg,
} from './kernel-args.ts';

/** What a format holds when its board does not say: the least that was found for it (docs/kernel-arguments.md). */
export const ARG_OCTETS_DEFAULT: Readonly<Record<BootFormat, number>> = {
  extlinux: 255,
  'boot-script': 255,
  grub: 2047,
  ipxe: 2047,
  rpi: 1023,
};

/** What must fit, and where. Words and prefix differ by format: iPXE needs `initrd=`, GRUB adds `BOOT_IMAGE=`. */
export interface ArgNeeds {
  readonly board: Pick<Board, 'name' | 'kernelArgOctetsMax'>;
  readonly loader: BoardLoader;
  /** In order of preference; one only where the loader has asked for it by name. */
  readonly formats: readonly BootFormat[];
  words(format: BootFormat): readonly KernelArg[];
  prefix(format: BootFormat): string;
}

/** A format that carries the words whole, or the reason why none does. Never a cut. */
export type ArgFit =
  | {
      readonly fits: true;
      readonly format: BootFormat;
      readonly measure: ArgMeasure;
      readonly passedOver: string | undefined;
    }
  | {
      readonly fits: false;
      readonly because: string;
      readonly remedy: string;
      readonly measure: ArgMeasure | undefined;
    };

/** Tries the formats in order and takes the first in which every word survives and every layer has room. */
export function fitArgs(needs: ArgNeeds): ArgFit {
  const refusals: (ArgFit & { fits: false })[] = [];
  for (const format of needs.formats) {
    const fit = fitFormat(needs, format);
    if (fit.fits) return { ...fit, passedOver: refusals[0]?.because };
    refusals.push(fit);
  }
  const none = `no format is left for the kernel arguments on board "${needs.board.name}"`;
  const because = refusals.map((refusal) => refusal.because).join('; ');
  const remedy = refusals[0]?.remedy ?? `name a format for loader ${needs.loader.loader} in the board's file`;
  return { fits: false, because: because || none, remedy, measure: refusals[0]?.measure };
}

function fitFormat(needs: ArgNeeds, format: BootFormat): ArgFit {
  const words = needs.words(format);
  const plain = words.map((each) => each.word);
  const fault = faultOf(words) ?? faultIn(format, plain) ?? faultInPxelinux(needs.loader, format, plain);
  if (fault !== undefined)
    return { fits: false, because: fault, remedy: 'change that word where it is set', measure: undefined };
  const { board, loader } = needs;
  const measure = measureArgs(words, {
    loaderLayer: `${loader.loader}'s ${format} on board "${board.name}"`,
    loaderOctetsMax: loader.argOctetsMax[format] ?? ARG_OCTETS_DEFAULT[format],
    kernelOctetsMax: board.kernelArgOctetsMax,
    prefix: needs.prefix(format),
    escapeOctets: escapeOctets(format, plain),
  });
  const worst = passedLimits(measure)[0];
  if (worst) return tooMuch(worst, measure);
  return { fits: true, format, measure, passedOver: undefined };
}

function faultOf(words: readonly KernelArg[]): string | undefined {
  for (const { word, origin } of words) {
    const fault = faultOfWord(word);
    if (fault !== undefined) return `the word ${nameOfWord(word)} (${origin}) is no kernel argument: ${fault}`;
  }
  return undefined;
}

function faultIn(format: BootFormat, words: readonly string[]): string | undefined {
  const text = argText(format, words);
  return text.ok ? undefined : text.error;
}

/** PXELINUX reads u-boot's config too, but knows none of the escapes that u-boot needs. */
function faultInPxelinux(loader: BoardLoader, format: BootFormat, words: readonly string[]): string | undefined {
  if (loader.loader === 'u-boot' || format !== 'extlinux') return undefined;
  const word = words.find((each, at) => /[$'\\]/.test(each) || (at === 0 && each.startsWith('#')));
  return word === undefined
    ? undefined
    : `the word ${nameOfWord(word)} cannot pass PXELINUX: it holds $, ' or \\, or begins with #`;
}

function tooMuch(limit: ArgLimit, measure: ArgMeasure): ArgFit {
  const over = limit.octets - limit.octetsMax;
  const unit = limit.unit ?? 'octets';
  const cost = limit.unit === 'words' ? '' : `; the words that cost most: ${costliest(measure, 3).join(', ')}`;
  return {
    fits: false,
    because: `kernel arguments need ${limit.octets} ${unit}, ${limit.layer} holds ${limit.octetsMax}${cost}`,
    remedy: `shorten them by ${over} ${unit}: the machine's extra arguments, the bundle's or the site's`,
    measure,
  };
}
