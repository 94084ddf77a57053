import type { DerivedFiles } from '../../server/ports/derived-files.ts';

/** Nothing was looked at and nothing can be made: for tests whose kernels are of no form at all. */
export const noDerived: DerivedFiles = {
  formOf: () => Promise.resolve(undefined),
  make: () => Promise.resolve({ is: 'failed', because: 'nothing is made in this test' }),
};
