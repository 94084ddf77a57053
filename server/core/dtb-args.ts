import type { Board, BoardLoader, BootFormat } from './board.ts';
import { faultOfWord, measureArgs, passedLimits, type ArgMeasure, type KernelArg } from './kernel-args.ts';

/** A DTB property may be longer than any kernel's arguments; u-boot passes it on untouched. */
const PROPERTY_OCTETS_MAX = 65_535;

/** What the route through the DTB needs to know. */
export interface DtbArgNeeds {
  readonly board: Pick<Board, 'name' | 'kernelArgOctetsMax'>;
  readonly loader: BoardLoader;
  /** Those the board may be told its plan in, in order of preference. */
  readonly formats: readonly BootFormat[];
  words(format: BootFormat): readonly KernelArg[];
}

/**
 * Whether arguments that no format carries can go into `/chosen/bootargs` of the DTB that is served: its loader must
 * leave that alone in one of the formats, and the kernel's own limits hold as ever. Nothing when they cannot.
 */
export function fitDtbArgs(
  needs: DtbArgNeeds,
): { readonly format: BootFormat; readonly measure: ArgMeasure } | undefined {
  const { board, loader } = needs;
  const format = needs.formats.find((each) => loader.dtbArgs?.includes(each));
  if (!format) return undefined;
  const words = needs.words(format);
  if (words.some(({ word }) => faultOfWord(word) !== undefined)) return undefined;
  const measure = measureArgs(words, {
    loaderLayer: `/chosen/bootargs of the DTB for board "${board.name}"`,
    loaderOctetsMax: PROPERTY_OCTETS_MAX,
    kernelOctetsMax: board.kernelArgOctetsMax,
    prefix: '',
    escapeOctets: 0,
  });
  return passedLimits(measure).length > 0 ? undefined : { format, measure };
}
