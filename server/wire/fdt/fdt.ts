import { ok, type Result } from '../../core/result.ts';
import { decodeFdt } from './decode.ts';
import { nodeAt, textsOf } from './tree.ts';

/** A text longer than this is none that anybody reads. */
const TEXT_OCTETS_MAX = 4096;

/** What tells a device tree from another one. */
export interface FdtRoot {
  readonly model: string | undefined;
  /** Most specific first. */
  readonly compatible: readonly string[];
  /** `/chosen/bootargs`, when the tree brings its own kernel arguments. */
  readonly bootargs: string | undefined;
}

/** Reads model and compatible of the root and the arguments in `/chosen`; hostile octets give a reason. */
export function readFdt(octets: Uint8Array): Result<FdtRoot> {
  const tree = decodeFdt(octets);
  if (!tree.ok) return tree;
  const { root } = tree.value;
  const texts = (path: string, name: string): readonly string[] => {
    const value = nodeAt(root, path)?.properties.get(name);
    return value && value.length <= TEXT_OCTETS_MAX ? textsOf(value) : [];
  };
  return ok({
    model: texts('/', 'model')[0],
    compatible: texts('/', 'compatible'),
    bootargs: texts('/chosen', 'bootargs')[0],
  });
}
