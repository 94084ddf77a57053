import { ok } from '../core/result.ts';
import type { WriteBootargs } from '../ports/render.ts';
import { decodeFdt } from '../wire/fdt/decode.ts';
import { encodeFdt } from '../wire/fdt/encode.ts';
import { fromTexts, withProperty } from '../wire/fdt/tree.ts';

/** Writes the arguments over those a DTB brings; all else stays as it is. */
export const writeBootargs: WriteBootargs = (dtb, args) => {
  const tree = decodeFdt(dtb);
  if (!tree.ok) return tree;
  return ok(encodeFdt({ ...tree.value, root: withProperty(tree.value.root, '/chosen', 'bootargs', fromTexts(args)) }));
};
