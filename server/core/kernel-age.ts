import { bundleRef, type Bundle } from './bundle.ts';
import { compareDebianVersions } from './debian-version.ts';
import { boardNameOf, isCandidate, type Machine } from './machine.ts';

/** One machine's kernel beside the newest one there is for it. */
export interface KernelAge {
  readonly machine: string;
  readonly board: string | undefined;
  readonly arch: string | undefined;
  /** What its system said last; nothing when it never told. */
  readonly running: string | undefined;
  /** The newest bundle of its architecture with a known kernel. */
  readonly newest: { readonly bundle: string; readonly release: string } | undefined;
  /** `unknown`: it never told its kernel, or there is no bundle to compare with. */
  readonly verdict: 'older' | 'current' | 'unknown';
}

/** The accepted machines by name, those on older kernels first; `releases` says the kernel of each bundle. */
export function kernelAges(
  machines: readonly Machine[],
  bundles: readonly Bundle[],
  releases: ReadonlyMap<string, string>,
): readonly KernelAge[] {
  const rank = { older: 0, unknown: 1, current: 2 } as const;
  return machines
    .filter((machine) => !isCandidate(machine))
    .map((machine) => kernelAge(machine, bundles, releases))
    .sort((a, b) => rank[a.verdict] - rank[b.verdict] || (a.machine < b.machine ? -1 : 1));
}

function kernelAge(machine: Machine, bundles: readonly Bundle[], releases: ReadonlyMap<string, string>): KernelAge {
  const arch = machine.arch ?? machine.facts?.arch;
  const newest = bundles
    .filter((bundle) => bundle.role === 'system' && bundle.arch === arch)
    .flatMap((bundle) => {
      const release = releases.get(bundleRef(bundle));
      return release === undefined ? [] : [{ bundle: bundleRef(bundle), release }];
    })
    .reduce<KernelAge['newest']>(
      (best, each) => (best && compareDebianVersions(best.release, each.release) >= 0 ? best : each),
      undefined,
    );
  const running = machine.facts?.kernel;
  return {
    ...{ machine: machine.name, board: boardNameOf(machine), arch, running, newest },
    verdict: verdictOn(running, newest?.release),
  };
}

function verdictOn(running: string | undefined, newest: string | undefined): KernelAge['verdict'] {
  if (running === undefined || newest === undefined) return 'unknown';
  return compareDebianVersions(running, newest) < 0 ? 'older' : 'current';
}
