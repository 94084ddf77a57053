import type { Ipv4, Mac, Sha256 } from '../core/address.ts';
import { CLIENT_ARCH } from '../core/arch.ts';
import type { Board, BootFormat } from '../core/board.ts';
import type { BootPlan, BootRequest } from '../core/boot-plan.ts';
import { artefactPath, type Artefact } from '../core/bundle.ts';
import { chosenDtbPath, configPath } from '../core/boot-path.ts';
import type { Lease, Network } from '../core/lease.ts';
import { firstFile, programsOf, type FirstFile } from '../core/loader-file.ts';
import { lintArgs, type ArgFinding } from '../core/lint-args.ts';
import { boardNameOf, type Machine } from '../core/machine.ts';
import type { EffectiveParameter } from '../core/parameter.ts';
import type { Render } from '../ports/render.ts';
import type { Store } from '../ports/store.ts';
import { chosenDtb, type ChosenDtbDeps } from './chosen-dtb.ts';
import { rpiCmdline } from './serve-rpi.ts';
import { firmwarePath } from '../core/rpi.ts';
import { newestAgent, type BootFactSources } from './boot-facts.ts';
import { findMachine } from './machines.ts';
import { planMachine } from './plan-machine.ts';

/** What would be asked, when no machine is named. */
export interface ExplainRequest {
  readonly ref?: string;
  readonly mac?: Mac;
  /** Option 93. */
  readonly clientArch?: number;
}

/** A file the machine would be given. */
export interface ExplainedFile {
  /** As the loader asks for it. */
  readonly path: string;
  readonly octets: number;
  readonly sha256: string;
  /** The text of configs and scripts; nothing for binaries. */
  readonly text: string | undefined;
}

/** The whole answer to "what does this machine get", without powering anything. */
export interface Explanation {
  readonly subject: string;
  readonly network: string;
  readonly board: { readonly name: string; readonly file: string; readonly shadows: string | undefined } | undefined;
  readonly evidence: readonly string[];
  /** DHCP answer, option by option: `siaddr 10.77.0.1`, `file "boot.scr.uimg"`. */
  readonly dhcp: readonly string[];
  readonly plan: BootPlan;
  /** What may be wrong with the kernel arguments, the worst first. */
  readonly findings: readonly ArgFinding[];
  /** What counts of the parameters, and from where. */
  readonly parameters: readonly EffectiveParameter[];
  readonly files: readonly ExplainedFile[];
}

/** The explanation, or why there is none. */
export type ExplainOutcome =
  | { readonly is: 'done'; readonly explanation: Explanation }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string };

/** Says what a machine, known or made up, would boot now and why. Changes nothing. */
export type Explain = (request: ExplainRequest) => Promise<ExplainOutcome>;

/** What explaining stands on. */
export interface ExplainDeps extends BootFactSources {
  readonly store: Pick<Store, 'machines' | 'bundles'>;
  readonly writeBootargs: ChosenDtbDeps['writeBootargs'];
  readonly files: ChosenDtbDeps['store'];
  readonly render: Render;
  readonly digest: (octets: Uint8Array) => Sha256;
  readonly text: (octets: Uint8Array) => string;
  readonly networks: () => readonly Network[];
  readonly leases: () => readonly Lease[];
  /** The answer DHCP would give, a line for each field and option. */
  readonly dhcpAnswer: (about: {
    readonly request: BootRequest;
    readonly network: Network;
    readonly address: Ipv4 | undefined;
    readonly file: string | undefined;
    readonly hostname: string | undefined;
  }) => readonly string[];
}

/** Shown in place of the one-boot token, which exists only while its boot lasts. Same length, so that octets count true. */
const TOKEN_SHOWN = '0'.repeat(32);

/** Builds the explainer: the same `planBoot`, the same renderer as a real boot, and no effect on anything. */
export function createExplain(deps: ExplainDeps): Explain {
  return async (request) => {
    const about = await subjectOf(deps, request);
    if (about.is !== 'done') return about;
    const { machine, boot, network } = about;
    const planFor = (request: BootRequest) =>
      planMachine(deps, { machine, request, network, token: TOKEN_SHOWN, boot: undefined });
    const { facts, plan } = await planFor(boot);
    const others = otherFormats(plan).map(
      async (format) => [format, (await planFor({ ...boot, format })).plan] as const,
    );
    const first = firstFile(plan, boot);
    return {
      is: 'done',
      explanation: {
        subject: machine ? `${machine.name} (${boot.mac})` : `an unknown machine (${boot.mac})`,
        network: network.name,
        board: facts.board && { name: facts.board.name, file: facts.board.file, shadows: facts.board.shadows },
        evidence: evidenceOf(deps, machine, boot),
        dhcp: dhcpLines(deps, network, boot, machine, first),
        plan,
        findings: findingsOf(plan, facts.board),
        parameters: facts.parameters,
        files: await filesOf(deps, plan, await Promise.all(others), boot),
      },
    };
  };
}

function findingsOf(plan: BootPlan, board: Board | undefined): readonly ArgFinding[] {
  const args = plan.do === 'boot' || plan.do === 'refuse' ? plan.args : undefined;
  return args ? lintArgs(args, board) : [];
}

/** A stranger is taken to send option 97 as every UEFI does: without it, architecture 11 would mean u-boot's EFI step. */
const SOME_UUID = '00000000-0000-0000-0000-000000000000';

type Subject =
  | {
      readonly is: 'done';
      readonly machine: Machine | undefined;
      readonly boot: BootRequest;
      readonly network: Network;
    }
  | Exclude<ExplainOutcome, { is: 'done' }>;

async function subjectOf(deps: ExplainDeps, request: ExplainRequest): Promise<Subject> {
  const ref = request.ref ?? request.mac;
  const machine = ref === undefined ? undefined : await findMachine(deps.store, ref);
  if (request.ref !== undefined && !machine)
    return { is: 'unknown-machine', because: `no machine is called "${request.ref.slice(0, 80)}"` };
  const mac = request.mac ?? machine?.macs[0];
  if (mac === undefined) return { is: 'bad-value', field: 'mac', because: 'name a machine, or a MAC with --mac' };
  const networks = deps.networks();
  const network = networks.find((each) => each.name === machine?.network) ?? networks[0];
  if (!network) return { is: 'bad-value', field: 'network', because: 'no network is served' };
  return { is: 'done', machine, boot: wouldAsk(deps, machine, mac, request.clientArch), network };
}

/** The request the machine would send: what its firmware said last, else what the architecture type given says. */
export function wouldAsk(
  deps: Pick<ExplainDeps, 'boards'>,
  machine: Machine | undefined,
  mac: Mac,
  clientArch: number | undefined,
): BootRequest {
  const board = machine && deps.boards.byName(boardNameOf(machine) ?? '');
  const code = clientArch ?? machine?.firmware?.clientArch ?? board?.signs.clientArch[0];
  const known = code === undefined ? undefined : CLIENT_ARCH[code];
  // What its firmware said under another number belongs to another stage: iPXE's class, not that of the ROM before it.
  const said = code === machine?.firmware?.clientArch ? machine?.firmware : undefined;
  const userClass = said?.userClass;
  return {
    mac,
    clientArch: code,
    vendorClass: said?.vendorClass ?? board?.signs.vendorClass[0],
    userClass,
    systemUuid: machine ? machine.systemUuid : SOME_UUID,
    loader: userClass?.startsWith('iPXE') ? 'ipxe' : (known?.loader ?? board?.loaders[0]?.loader),
    arch: known?.arch ?? machine?.arch ?? board?.arch,
    format: undefined,
  };
}

function evidenceOf(deps: ExplainDeps, machine: Machine | undefined, boot: BootRequest): readonly string[] {
  if (machine?.board !== undefined) return [`an operator set the board to ${machine.board}`];
  return (machine?.recognised ?? deps.recognise(boot))?.evidence ?? [];
}

function dhcpLines(
  deps: ExplainDeps,
  network: Network,
  boot: BootRequest,
  machine: Machine | undefined,
  first: FirstFile,
): readonly string[] {
  const lease = deps.leases().find((each) => each.network === network.name && each.mac === boot.mac);
  const address = machine?.reserved ?? lease?.address;
  const answer = deps.dhcpAnswer({ request: boot, network, address, file: first.file, hostname: machine?.name });
  return first.file === undefined ? [...answer, `no first file: ${first.because}`] : answer;
}

/** u-boot loads the script it is told by DHCP and goes on to pxelinux.cfg, whichever of them its environment runs. */
const ASKED_BY_UBOOT = ['extlinux', 'boot-script'] as const satisfies readonly BootFormat[];

function otherFormats(plan: BootPlan): readonly BootFormat[] {
  return plan.do === 'boot' && plan.loader === 'u-boot' && plan.format !== 'grub'
    ? ASKED_BY_UBOOT.filter((format) => format !== plan.format)
    : [];
}

async function filesOf(
  deps: ExplainDeps,
  plan: BootPlan,
  others: readonly (readonly [BootFormat, BootPlan])[],
  boot: BootRequest,
): Promise<readonly ExplainedFile[]> {
  if (plan.do !== 'boot') return [];
  const texts = [
    ...[[plan.format, plan] as const, ...others].map(
      ([format, told]) => [configPath(format, boot.mac), deps.render(format, told)] as const,
    ),
    ...(plan.format === 'rpi' ? [['cmdline.txt', rpiCmdline(plan)] as const] : []),
  ];
  const configs = texts.flatMap(([path, text]) => (text.ok ? [shownText(deps, path, text.value)] : []));
  const firmware = plan.rpi?.firmware.map((each) => ({ ...shown(each), path: firmwarePath(each.name) })) ?? [];
  const loaders = await loadersOf(deps, plan, boot);
  const trees = [plan, ...others.map(([, told]) => told)].map((told) => dtbOf(deps, told));
  const dtbs = new Map((await Promise.all(trees)).flat().map((each) => [each.path, each]));
  const files = [plan.kernel, plan.initrd].flatMap((each) => (each ? [shown(each)] : []));
  return [...loaders, ...firmware, ...configs, ...files, ...dtbs.values()];
}

async function dtbOf(deps: ExplainDeps, plan: BootPlan): Promise<readonly ExplainedFile[]> {
  if (plan.do !== 'boot') return [];
  if (plan.argsIn === 'format') return plan.dtb ? [shown(plan.dtb)] : [];
  const made = await chosenDtb({ ...deps, store: deps.files }, plan);
  if (!made.ok) return [];
  const path = chosenDtbPath(plan.mac);
  return [{ path, octets: made.value.length, sha256: deps.digest(made.value), text: undefined }];
}

const shown = (artefact: Artefact): ExplainedFile => ({
  path: artefactPath(artefact),
  octets: artefact.octets,
  sha256: artefact.sha256,
  text: undefined,
});

function shownText(deps: Pick<ExplainDeps, 'digest' | 'text'>, path: string, octets: Uint8Array): ExplainedFile {
  return { path, octets: octets.length, sha256: deps.digest(octets), text: deps.text(octets) };
}

async function loadersOf(deps: ExplainDeps, plan: BootPlan, boot: BootRequest): Promise<readonly ExplainedFile[]> {
  const loaders = newestAgent(await deps.store.bundles.list(), boot.arch)?.loaders ?? [];
  return programsOf(firstFile(plan, boot).file).flatMap((path) => {
    const named = loaders.find((each) => each.name === path.split('/').at(-1));
    return named ? [{ ...shown(named), path }] : [];
  });
}
