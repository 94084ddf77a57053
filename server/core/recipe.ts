import type { Arch } from './arch.ts';
import type { KernelLoad } from './board.ts';
import type { Artefact } from './bundle.ts';

/** Counts up when the same recipe gives other octets than before, so that what was made is made again. */
const RECIPES_VERSION = 1;

/** How a kernel lies in its wrapping. */
export type Packing = 'none' | 'gzip';

/** How a file a board needs is made out of files that are stored; the same recipe gives the same octets. */
export type Recipe =
  | { readonly make: 'unpacked' | 'gzip'; readonly from: Artefact }
  /** A device tree with overlays merged in. */
  | { readonly make: 'merged'; readonly from: Artefact; readonly overlays: readonly Artefact[] }
  | {
      readonly make: 'uImage';
      readonly from: Artefact;
      readonly arch: Arch;
      readonly packing: Packing;
      readonly at: KernelLoad;
    }
  | { readonly make: 'uInitrd'; readonly from: Artefact; readonly arch: Arch }
  | {
      readonly make: 'FIT';
      readonly from: Artefact;
      readonly arch: Arch;
      readonly packing: Packing;
      readonly at: KernelLoad;
      readonly initrd: Artefact | undefined;
      readonly dtb: Artefact | undefined;
    };

/** A file that was to be made: there, still under work, or why it could not be. */
export type Derived =
  | { readonly is: 'there'; readonly artefact: Artefact }
  | { readonly is: 'making' }
  | { readonly is: 'failed'; readonly because: string };

/** What tells a recipe from every other one; names of files do not count, their content does. */
export function recipeKey(recipe: Recipe): string {
  const words = [String(RECIPES_VERSION), recipe.make, recipe.from.sha256];
  switch (recipe.make) {
    case 'unpacked':
    case 'gzip':
      return words.join(' ');
    case 'merged':
      return [...words, ...recipe.overlays.map((overlay) => overlay.sha256)].join(' ');
    case 'uInitrd':
      return [...words, recipe.arch].join(' ');
    case 'uImage':
      return [...words, ...wrapping(recipe)].join(' ');
    case 'FIT':
      return [...words, ...wrapping(recipe), recipe.initrd?.sha256 ?? '-', recipe.dtb?.sha256 ?? '-'].join(' ');
  }
}

function wrapping({ arch, packing, at }: Extract<Recipe, { readonly at: KernelLoad }>): readonly string[] {
  return [arch, packing, at.load.toString(16), at.entry.toString(16)];
}

/** The name a made file is served by. */
export function madeName(recipe: Recipe): string {
  switch (recipe.make) {
    case 'unpacked':
      return recipe.from.name.replace(/\.gz$/, '');
    case 'gzip':
      return `${recipe.from.name}.gz`;
    case 'merged':
      return recipe.from.name;
    case 'FIT':
      return 'kernel.itb';
    case 'uImage':
    case 'uInitrd':
      return recipe.make;
  }
}
