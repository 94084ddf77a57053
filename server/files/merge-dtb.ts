import { err, ok, type Result } from '../core/result.ts';
import { decodeFdt } from '../wire/fdt/decode.ts';
import { encodeFdt } from '../wire/fdt/encode.ts';
import { applyOverlay } from '../wire/fdt/overlay.ts';
import type { FdtNode } from '../wire/fdt/tree.ts';

/** A compiled overlay (dtc -@) and its name for messages. */
export interface NamedOverlay {
  readonly file: string;
  /** Nothing when the file is not there. */
  readonly octets: Uint8Array | undefined;
}

const isOverlay = (root: FdtNode): boolean =>
  root.nodes.some((fragment) => fragment.nodes.some((node) => node.name === '__overlay__'));

/** The DTB with the overlays merged in, in order. The error names the overlay, and the label or path that is missing. */
export function mergeOverlays(base: Uint8Array, overlays: readonly NamedOverlay[]): Result<Uint8Array> {
  const first = decodeFdt(base);
  if (!first.ok) return first;
  let tree = first.value;
  for (const { file, octets } of overlays) {
    if (!octets) return err(`the overlay ${file} is not there`);
    const overlay = decodeFdt(octets);
    if (!overlay.ok) return err(`the overlay ${file}: ${overlay.error}`);
    if (!isOverlay(overlay.value.root))
      return err(`the overlay ${file} has no fragment to merge; compile it from a /plugin/ source with dtc -@`);
    const merged = applyOverlay(tree, overlay.value);
    if (!merged.ok) return err(`the overlay ${file}: ${merged.error}`);
    tree = merged.value;
  }
  return ok(encodeFdt(tree));
}
