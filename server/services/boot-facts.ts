import type { Sha256 } from '../core/address.ts';
import type { BootFacts, BootRequest } from '../core/boot-plan.ts';
import type { KernelForm } from '../core/kernel-form.ts';
import { bundleRef, type Artefact, type Bundle } from '../core/bundle.ts';
import type { Board } from '../core/board.ts';
import type { Network } from '../core/lease.ts';
import { boardNameOf, type Machine, type Recognition } from '../core/machine.ts';
import type { Boards } from '../ports/boards.ts';
import type { DerivedFiles } from '../ports/derived-files.ts';
import type { ArtefactStore, BundleStore } from '../ports/store.ts';

/** Where the facts of a boot decision are looked up. */
export interface BootFactSources {
  readonly boards: Boards;
  readonly bundles: Pick<BundleStore, 'list'>;
  readonly artefacts: Pick<ArtefactStore, 'bySha256'>;
  readonly recognise: (request: BootRequest) => Recognition | undefined;
  readonly siteArgs: readonly string[];
  readonly httpPort: number;
  readonly derived: DerivedFiles;
}

/** The newest agent of an architecture. */
export function newestAgent(bundles: readonly Bundle[], arch: Bundle['arch'] | undefined): Bundle | undefined {
  return bundles
    .filter((bundle) => bundle.role === 'agent' && bundle.arch === arch)
    .reduce<Bundle | undefined>((best, each) => (best && best.createdMs >= each.createdMs ? best : each), undefined);
}

/** The board a machine boots as: the one set or recognised; for a stranger, what its first packet looks like. */
export function boardFor(
  sources: Pick<BootFactSources, 'boards' | 'recognise'>,
  machine: Machine | undefined,
  request: BootRequest,
): Board | undefined {
  const name = (machine && boardNameOf(machine)) ?? sources.recognise(request)?.board;
  return name === undefined ? undefined : sources.boards.byName(name);
}

/** Gathers all that `planBoot` looks at. */
export async function bootFacts(
  sources: BootFactSources,
  about: {
    readonly machine: Machine | undefined;
    readonly request: BootRequest;
    readonly network: Pick<Network, 'unknown' | 'address' | 'dhcp'>;
    readonly token: string;
  },
): Promise<BootFacts> {
  const { machine, request, network } = about;
  const bundles = await sources.bundles.list();
  const board = boardFor(sources, machine, request);
  const agent = newestAgent(bundles, board?.arch ?? request.arch);
  const bundle = bundles.find((each) => bundleRef(each) === machine?.bundle);
  return {
    machine,
    board,
    unknown: network.unknown,
    agent,
    bundle,
    machineDtb: await dtbOfMachine(sources, machine),
    siteArgs: sources.siteArgs,
    server: { address: network.address, httpPort: sources.httpPort },
    isProxied: network.dhcp === 'proxy',
    token: about.token,
    forms: await formsOf(sources, [agent?.kernel, agent?.initrd, bundle?.kernel, bundle?.initrd]),
    derived: undefined,
  };
}

async function formsOf(
  sources: Pick<BootFactSources, 'derived'>,
  files: readonly (Artefact | undefined)[],
): Promise<ReadonlyMap<Sha256, KernelForm>> {
  const forms = new Map<Sha256, KernelForm>();
  for (const file of files) {
    const form = file && (await sources.derived.formOf(file.sha256));
    if (form) forms.set(file.sha256, form);
  }
  return forms;
}

async function dtbOfMachine(
  sources: Pick<BootFactSources, 'artefacts'>,
  machine: Machine | undefined,
): Promise<Artefact | undefined> {
  return machine?.dtb ? sources.artefacts.bySha256(machine.dtb) : undefined;
}
