import type { Sha256 } from './address.ts';
import type { Arch, Loader } from './arch.ts';
import type { Board } from './board.ts';
import type { Artefact } from './bundle.ts';
import { formWords, mayRunOn, type KernelForm } from './kernel-form.ts';
import { recipeKey, type Derived, type Packing, type Recipe } from './recipe.ts';

/** What is at hand for a boot, and who shall load it. */
export interface WaySigns {
  readonly board: Board;
  readonly loader: Loader;
  readonly kernel: Artefact;
  readonly initrd: Artefact | undefined;
  readonly dtb: Artefact | undefined;
  /** What the files are by their first octets; one that is not in it was not looked at. */
  readonly forms: ReadonlyMap<Sha256, KernelForm>;
  /** What was made so far, by `recipeKey`. */
  readonly derived: ReadonlyMap<string, Derived>;
}

/** The files a board is given. */
export interface BoardFiles {
  readonly kernel: Artefact;
  readonly initrd: Artefact | undefined;
  readonly dtb: Artefact | undefined;
  /** What lies inside the kernel's file (a FIT) instead of beside it. */
  readonly packed: { readonly initrd: Artefact | undefined; readonly dtb: Artefact | undefined } | undefined;
}

/** How a board gets its files in the forms it reads: as they are, when something is made first, or not at all. */
export type KernelWay =
  | { readonly is: 'ready'; readonly files: BoardFiles }
  | { readonly is: 'refused'; readonly because: string; readonly remedy: string; readonly needs: readonly Recipe[] };

type Refused = Extract<KernelWay, { is: 'refused' }>;

const refused = (because: string, remedy: string, needs: readonly Recipe[] = []): Refused => ({
  is: 'refused',
  because,
  remedy,
  needs,
});

/** The forms that every wanted one can be made of. */
const RAW: Readonly<Record<Board['kernelFormat'], (arch: Arch) => KernelForm['is']>> = {
  Image: () => 'Image',
  'Image.gz': () => 'Image',
  zImage: () => 'zImage',
  bzImage: () => 'bzImage',
  uImage: (arch) => (arch === 'armhf' ? 'zImage' : 'Image'),
  FIT: (arch) => (arch === 'armhf' ? 'zImage' : 'Image'),
};

/** The files of a boot in the forms the board reads. A kernel of the wrong kind is refused by what it is. */
export function kernelWay(signs: WaySigns): KernelWay {
  const { board, kernel, initrd, dtb } = signs;
  const form = signs.forms.get(kernel.sha256) ?? UNSEEN;
  const fault = faultOf(board, form);
  if (fault) return fault;
  const asItIs: KernelWay = { is: 'ready', files: { kernel, initrd, dtb, packed: undefined } };
  const raw = RAW[board.kernelFormat](board.arch);
  switch (board.kernelFormat) {
    case 'Image':
    case 'zImage':
    case 'bzImage':
      if (form.is === raw || HIDES_KERNEL.has(form.is)) return asItIs;
      if (form.is === 'EFI zboot' && STARTS_PE.has(signs.loader)) return asItIs;
      return holds(form, raw) ? made(signs, { make: 'unpacked', from: kernel }, asItIs) : misfit(board, form);
    case 'Image.gz':
      if (holds(form, raw)) return asItIs;
      return form.is === raw ? made(signs, { make: 'gzip', from: kernel }, asItIs) : misfit(board, form);
    case 'uImage':
      return form.is === 'uImage' ? withUinitrd(signs, asItIs) : wrapped(signs, form, raw);
    case 'FIT':
      // Who brings a FIT has put all of it into one file.
      if (form.is === 'FIT') return { is: 'ready', files: { kernel, ...NOTHING, packed: undefined } };
      return wrapped(signs, form, raw);
  }
}

/** Loaders that start the kernel as a program of UEFI, which is all a zboot image is. */
const STARTS_PE: ReadonlySet<Loader> = new Set<Loader>(['uefi', 'uefi-http', 'ipxe', 'grub']);
/** Files that do not show what kernel is in them: they are given out in good faith. */
const HIDES_KERNEL: ReadonlySet<KernelForm['is']> = new Set<KernelForm['is']>(['unknown', 'EFI program']);
const UNSEEN: KernelForm = { is: 'unknown', arch: undefined };
const NOTHING = { initrd: undefined, dtb: undefined } as const;

function holds(form: KernelForm, raw: KernelForm['is']): boolean {
  return form.is === 'gzip' && form.kernel?.is === raw;
}

/** A kernel of another architecture. */
function faultOf(board: Board, form: KernelForm): Refused | undefined {
  if (mayRunOn(form, board.arch)) return undefined;
  return refused(
    `its kernel is ${formWords(form)}, but board "${board.name}" is ${board.arch}`,
    `assign a bundle with a kernel for ${board.arch}`,
  );
}

function misfit(board: Board, form: KernelForm): Refused {
  return refused(
    `its kernel is ${formWords(form)}, but board "${board.name}" starts ${board.kernelFormat}`,
    `import the kernel as ${RAW[board.kernelFormat](board.arch)}, or set the board's kernelFormat`,
  );
}

/** Puts a made kernel in the place of the one it was made of. */
function made(signs: WaySigns, recipe: Recipe, then: KernelWay): KernelWay {
  const state = signs.derived.get(recipeKey(recipe));
  if (state?.is !== 'there') return notThere(recipe, state);
  if (then.is === 'refused') return then;
  return { is: 'ready', files: { ...then.files, kernel: state.artefact } };
}

/** Why what a recipe makes cannot be served yet, and what must be made first. */
export function notThere(recipe: Recipe, state: Exclude<Derived, { is: 'there' }> | undefined): Refused {
  const what = MADE_WORDS[recipe.make];
  if (!state) return refused(`${what} has not been made yet`, 'try again in a moment', [recipe]);
  switch (state.is) {
    case 'making':
      return refused(`${what} is being made`, 'switch it on again in a moment');
    case 'failed':
      return refused(`${what} could not be made: ${state.because}`, 'mend that, and switch it on again');
  }
}

const MADE_WORDS: Readonly<Record<Recipe['make'], string>> = {
  unpacked: 'the unpacked form of its kernel',
  gzip: "the gzip'd form of its kernel",
  merged: 'its device tree with its overlays',
  uImage: 'the uImage of its kernel',
  uInitrd: 'the uInitrd of its initrd',
  FIT: 'the FIT of its kernel, initrd and device tree',
};

/** A kernel that u-boot must be told about: what it is and where it goes. */
function wrapped(signs: WaySigns, form: KernelForm, raw: KernelForm['is']): KernelWay {
  const { board, kernel, initrd, dtb } = signs;
  const packing: Packing = holds(form, raw) ? 'gzip' : 'none';
  if (form.is !== raw && packing === 'none') return misfit(board, form);
  const at = board.kernelLoad;
  if (!at)
    return refused(
      `board "${board.name}" does not say where its ${board.kernelFormat} is loaded to`,
      `write kernelLoad into ${board.file}; dtbs/README.md says how`,
    );
  const { arch } = board;
  if (board.kernelFormat !== 'FIT') {
    const files = { kernel, initrd, dtb, packed: undefined };
    return made(signs, { make: 'uImage', from: kernel, arch, packing, at }, withUinitrd(signs, { is: 'ready', files }));
  }
  const inside = packedKernel(signs, packing, raw);
  if ('is' in inside) return inside;
  const files = { kernel, ...NOTHING, packed: { initrd, dtb } };
  return made(signs, { make: 'FIT', ...inside, arch, at, initrd, dtb }, { is: 'ready', files });
}

/** A raw Image is 30 MB and more; u-boot unpacks it faster than any board loads it. A zImage is packed already. */
function packedKernel(
  signs: WaySigns,
  packing: Packing,
  raw: KernelForm['is'],
): { readonly from: Artefact; readonly packing: Packing } | Refused {
  const { kernel } = signs;
  if (packing === 'gzip' || raw !== 'Image') return { from: kernel, packing };
  const recipe: Recipe = { make: 'gzip', from: kernel };
  const state = signs.derived.get(recipeKey(recipe));
  return state?.is === 'there' ? { from: state.artefact, packing: 'gzip' } : notThere(recipe, state);
}

/** u-boot's bootm wants the initrd in the same kind of wrapping. */
function withUinitrd(signs: WaySigns, ready: Extract<KernelWay, { is: 'ready' }>): KernelWay {
  const { initrd, board } = signs;
  if (!initrd || signs.forms.get(initrd.sha256)?.is === 'uImage') return ready;
  const recipe: Recipe = { make: 'uInitrd', from: initrd, arch: board.arch };
  const state = signs.derived.get(recipeKey(recipe));
  if (state?.is !== 'there') return notThere(recipe, state);
  return { is: 'ready', files: { ...ready.files, initrd: state.artefact } };
}
