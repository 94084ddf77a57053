import { z } from 'zod';
import { timeText, type Column, type Sheet } from './output.ts';

/** A stored file as the API tells it. */
export const artefactShape = z.looseObject({ name: z.string(), sha256: z.string(), octets: z.number() });
/** A bundle as the API tells it. */
export const bundleShape = z.looseObject({
  name: z.string(),
  version: z.string(),
  arch: z.string(),
  role: z.string(),
  kernel: artefactShape,
  initrd: artefactShape.optional(),
  kernelArgs: z.array(z.string()),
  loaders: z.array(artefactShape),
  source: z.string(),
  createdMs: z.number(),
});
export type BundleAnswer = z.infer<typeof bundleShape>;

/** `name@version`. */
export const refOf = (bundle: Pick<BundleAnswer, 'name' | 'version'>): string => `${bundle.name}@${bundle.version}`;

/** What a list of bundles shows. */
export const BUNDLE_COLUMNS: readonly Column<BundleAnswer>[] = [
  { title: 'BUNDLE', value: refOf },
  { title: 'ARCH', value: (bundle) => bundle.arch },
  { title: 'ROLE', value: (bundle) => bundle.role },
  { title: 'OCTETS', value: (bundle) => bundle.kernel.octets + (bundle.initrd?.octets ?? 0) },
  { title: 'IMPORTED', value: (bundle) => timeText(bundle.createdMs) },
  { title: 'SOURCE', value: (bundle) => bundle.source },
];

/** A bundle in full. */
export function sheetOf(bundle: BundleAnswer): Sheet {
  return {
    item: bundle,
    name: refOf(bundle),
    facts: [
      ['bundle', refOf(bundle)],
      ['arch', bundle.arch],
      ['role', bundle.role],
      ['kernel', `${bundle.kernel.name} sha256:${bundle.kernel.sha256}`],
      ['initrd', bundle.initrd && `${bundle.initrd.name} sha256:${bundle.initrd.sha256}`],
      ['kernel arguments', bundle.kernelArgs.join(' ')],
      ['source', bundle.source],
    ],
  };
}
