import type { Sha256 } from '../core/address.ts';
import type { BootFacts, BootRequest } from '../core/boot-plan.ts';
import type { KernelForm } from '../core/kernel-form.ts';
import type { Artefact, Bundle } from '../core/bundle.ts';
import { channelsOf, resolveBundle } from '../core/channel.ts';
import type { Board } from '../core/board.ts';
import type { Network } from '../core/lease.ts';
import { boardNameOf, type Machine, type MachineId, type Recognition } from '../core/machine.ts';
import type { Boards } from '../ports/boards.ts';
import type { DerivedFiles } from '../ports/derived-files.ts';
import type { ArtefactStore, BundleStore } from '../ports/store.ts';
import { lookUpParameters, type ParameterSources } from './parameter-lookup.ts';

/** Where the facts of a boot decision are looked up. */
export interface BootFactSources extends ParameterSources {
  readonly boards: Boards;
  readonly bundles: Pick<BundleStore, 'list' | 'moves'>;
  /** The bundle a machine gets on trial in this boot, or in its next one when none is named, as `name@version`. */
  readonly trialOf: (machine: MachineId, boot: string | undefined) => string | undefined;
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
    readonly network: Pick<Network, 'name' | 'unknown' | 'address' | 'dhcp'>;
    readonly token: string;
    /** The boot under way; nothing when it is about the next one. */
    readonly boot: string | undefined;
  },
): Promise<BootFacts> {
  const { machine, request, network, boot } = about;
  const [bundles, moves] = await Promise.all([sources.bundles.list(), sources.bundles.moves()]);
  const board = boardFor(sources, machine, request);
  const agent = newestAgent(bundles, board?.arch ?? request.arch);
  const bundle = resolveBundle(machine?.bundle, bundles, channelsOf(moves));
  const trial = resolveBundle(machine && sources.trialOf(machine.id, boot), bundles, []);
  return {
    machine,
    board,
    unknown: network.unknown,
    agent,
    bundle,
    trial,
    machineDtb: await dtbOfMachine(sources, machine),
    machineOverlays: await overlaysOfMachine(sources, machine),
    siteArgs: sources.siteArgs,
    parameters: await lookUpParameters(sources, {
      machine,
      board: board?.name,
      network: network.name,
      boot: about.boot,
    }),
    server: { address: network.address, httpPort: sources.httpPort },
    isProxied: network.dhcp === 'proxy',
    token: about.token,
    forms: await formsOf(
      sources,
      [agent, bundle, trial].flatMap((each) => [each?.kernel, each?.initrd]),
    ),
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

async function overlaysOfMachine(
  sources: Pick<BootFactSources, 'artefacts'>,
  machine: Machine | undefined,
): Promise<readonly Artefact[]> {
  const found = await Promise.all((machine?.overlays ?? []).map((sha256) => sources.artefacts.bySha256(sha256)));
  return found.flatMap((each) => each ?? []);
}
