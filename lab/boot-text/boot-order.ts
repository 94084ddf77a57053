/** What a loader was told to do, once its configuration has been understood. Paths are as written there. */
export type BootOrder =
  | {
      readonly do: 'boot';
      readonly kernel: string;
      /** In order; a loader may be given several. */
      readonly initrds: readonly string[];
      readonly dtb: string | undefined;
      /** The kernel arguments as the loader would hand them on. */
      readonly args: string;
    }
  | { readonly do: 'local-disk' }
  /** Another script to read in its place (iPXE `chain`). */
  | { readonly do: 'chain'; readonly to: string };
