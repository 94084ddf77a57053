import type { Arch } from './arch.ts';

/** How a file can be packed. */
export type Packer = 'gzip' | 'xz' | 'zstd' | 'lz4' | 'lzma' | 'bzip2';

/** What a kernel or loader is, as its first octets tell; `kernel` of a gzip is what it holds. */
export type KernelForm =
  | { readonly is: 'Image' | 'EFI zboot' | 'EFI program' | 'uImage' | 'ELF'; readonly arch: Arch | undefined }
  | { readonly is: 'zImage'; readonly arch: 'armhf' }
  | { readonly is: 'bzImage'; readonly arch: 'amd64' | 'i386' }
  | { readonly is: 'FIT' | 'unknown'; readonly arch: undefined }
  | { readonly is: 'packed'; readonly by: Exclude<Packer, 'gzip'>; readonly arch: undefined }
  | { readonly is: 'gzip'; readonly arch: Arch | undefined; readonly kernel: KernelForm | undefined };

/** The short names of forms, as bundles keep and show them. */
export const KERNEL_FORM_NAMES = [
  'Image',
  'Image.gz',
  'bzImage',
  'zImage',
  'uImage',
  'FIT',
  'ELF',
  'EFI zboot',
  'EFI program',
  'gzip',
  'xz',
  'zstd',
  'lz4',
  'lzma',
  'bzip2',
  'unknown',
] as const;
export type KernelFormName = (typeof KERNEL_FORM_NAMES)[number];

/** The short name of a form: `Image.gz`. */
export function formName(form: KernelForm): KernelFormName {
  switch (form.is) {
    case 'gzip':
      return form.kernel?.is === 'Image' ? 'Image.gz' : 'gzip';
    case 'packed':
      return form.by;
    case 'EFI zboot':
    case 'EFI program':
    case 'bzImage':
    case 'unknown':
    case 'Image':
    case 'zImage':
    case 'uImage':
    case 'ELF':
    case 'FIT':
      return form.is;
  }
}

/** What a kernel is, for messages: `an Image for arm64 packed with gzip`. */
export function formWords(form: KernelForm): string {
  switch (form.is) {
    case 'gzip':
      return form.kernel && form.kernel.is !== 'unknown' ? `${formWords(form.kernel)} packed with gzip` : 'a gzip file';
    case 'packed':
      return `a file packed with ${form.by}`;
    case 'unknown':
      return 'no kernel Farrier knows';
    case 'EFI zboot':
      return `an EFI zboot image${form.arch ? ` for ${form.arch}` : ''}`;
    case 'bzImage':
      return `a bzImage (x86, ${form.arch})`;
    case 'EFI program':
    case 'Image':
    case 'zImage':
    case 'uImage':
    case 'ELF':
    case 'FIT':
      return `${/^[IE]/.test(form.is) ? 'an' : 'a'} ${form.is}${form.arch ? ` for ${form.arch}` : ''}`;
  }
}

/** Whether a kernel or loader of that form can run there; one whose architecture is not known may. A 32-bit x86 one runs on a 64-bit PC. */
export function mayRunOn(form: KernelForm, arch: Arch): boolean {
  return form.arch === undefined || form.arch === arch || (form.arch === 'i386' && arch === 'amd64');
}
