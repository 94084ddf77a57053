import type { Sha256 } from '../core/address.ts';
import type { KernelForm } from '../core/kernel-form.ts';
import type { Derived, Recipe } from '../core/recipe.ts';

/** Files made of stored ones, each once for its recipe, and what stored ones are by their first octets. */
export interface DerivedFiles {
  /** Nothing when no such file is stored. */
  formOf(sha256: Sha256): Promise<KernelForm | undefined>;
  /** Makes it, or finds it made; after some seconds says that it is still being made, and goes on with it. Never throws. */
  make(recipe: Recipe): Promise<Derived>;
}
