import { formatIpv4, type Mac } from './address.ts';
import type { Board, BoardLoader, BootFormat } from './board.ts';
import type { BootFacts, BootPlan, BootRequest } from './boot-plan.ts';
import { artefactPath, bundleRef, isServableName, type Artefact, type Bundle } from './bundle.ts';
import { fitDtbArgs } from './dtb-args.ts';
import { fitArgs } from './fit-args.ts';
import { boardArgs, composeArgs, type ArgMeasure, type KernelArg } from './kernel-args.ts';
import { kernelWay, notThere, type BoardFiles, type KernelWay } from './kernel-way.ts';
import type { State } from './lifecycle.ts';
import type { Machine } from './machine.ts';
import { parameterWords } from './parameter.ts';
import { recipeKey } from './recipe.ts';
import { requesterOf, type Requester } from './requester.ts';
import { faultOfRpiLine, firmwareOf, RPI_LINE_OCTETS_MAX, rpiFileLines } from './rpi.ts';
import { err, ok, type Result } from './result.ts';

/** Words that tell the booted system its boot interface, as PXELINUX writes them. */
function bootifWord(mac: Mac): string {
  return `BOOTIF=01-${mac.replaceAll(':', '-')}`;
}

/** What a state lets a machine boot: its bundle, the agent, or its own disk and why. */
type Wish = { readonly boot: 'agent' | 'bundle' } | { readonly disk: string };

const WISHES: Readonly<Record<Exclude<State, 'new'>, Wish>> = {
  ready: { boot: 'bundle' },
  allocated: { boot: 'bundle' },
  deployed: { boot: 'bundle' },
  'leaving-rescue': { boot: 'bundle' },
  commissioning: { boot: 'agent' },
  testing: { boot: 'agent' },
  deploying: { boot: 'agent' },
  releasing: { boot: 'agent' },
  erasing: { boot: 'agent' },
  'entering-rescue': { boot: 'agent' },
  rescue: { boot: 'agent' },
  broken: { disk: 'it is marked broken' },
  retired: { disk: 'it is retired' },
};

/** What the parameter `boot.target` wants in place of what the state says. */
function targetOf({ parameters }: BootFacts): Wish | undefined {
  const target = parameters.find((each) => each.declaration.name === 'boot.target');
  if (target?.value === 'local-disk') return { disk: `the parameter boot.target says so (${target.origin})` };
  if (target?.value === 'agent' || target?.value === 'bundle') return { boot: target.value };
  return undefined;
}

/** Whether a machine in this state boots the bundle it was given. */
export function bootsItsBundle(state: State): boolean {
  const wish: Wish = state === 'new' ? { boot: 'agent' } : WISHES[state];
  return 'boot' in wish && wish.boot === 'bundle';
}

/** A bundle that shall boot, and why. */
interface Choice {
  readonly purpose: 'agent' | 'bundle';
  readonly bundle: Bundle;
  readonly because: string;
}

/**
 * The answer to "what does this machine get now": asked by DHCP, TFTP, HTTP, `explain` and the page alike. Every "no"
 * carries its reason, and every refusal its remedy.
 */
export function planBoot(facts: BootFacts, request: BootRequest): BootPlan {
  const { machine } = facts;
  const asked = requesterOf(
    machine?.firmware && request.clientArch === undefined ? remembered(machine, request) : request,
  );
  if (machine && machine.state !== 'new') return planKnown(facts, machine, machine.state, request, asked);
  const who = machine ? 'nobody has accepted it yet' : 'nobody knows it';
  switch (facts.unknown) {
    case 'ignore':
      return { do: 'ignore', because: `${who}, and this network ignores such machines` };
    case 'local-disk':
      return { do: 'local-disk', because: `${who}, and this network sends such machines to their disk` };
    case 'enlist':
      return planAgent(facts, request, asked, `${who}; the agent enlists it`);
  }
}

/** A later stage (a loader that asks by TFTP) does not repeat its firmware's options: what DHCP saw last counts. */
function remembered(machine: Machine, request: BootRequest): BootRequest {
  const { clientArch, userClass } = machine.firmware ?? {};
  return { ...request, clientArch, userClass: request.userClass ?? userClass, systemUuid: request.systemUuid ?? '' };
}

function planKnown(
  facts: BootFacts,
  machine: Machine,
  state: Exclude<State, 'new'>,
  request: BootRequest,
  asked: Requester,
): BootPlan {
  const wish: Wish = targetOf(facts) ?? WISHES[state];
  if ('disk' in wish) return { do: 'local-disk', because: wish.disk };
  if (wish.boot === 'agent') return planAgent(facts, request, asked, `state ${state}`);
  if (facts.trial) {
    const because = `state ${state}, on trial for this boot`;
    return planChoice(facts, request, asked, { purpose: 'bundle', bundle: facts.trial, because });
  }
  if (machine.bundle === undefined) return { do: 'local-disk', because: `state ${state}, and no bundle is assigned` };
  if (!facts.bundle)
    return refuse(`the assigned bundle ${machine.bundle} is not there`, 'import it again or assign another');
  const because = `state ${state}, bundle ${machine.bundle}`;
  return planChoice(facts, request, asked, { purpose: 'bundle', bundle: facts.bundle, because });
}

function planAgent(facts: BootFacts, request: BootRequest, asked: Requester, because: string): BootPlan {
  if (facts.agent) return planChoice(facts, request, asked, { purpose: 'agent', bundle: facts.agent, because });
  const arch = asked.arch ?? facts.board?.arch;
  if (!arch) return refuse('its architecture is not known', 'set its board, or let its firmware send option 93');
  return refuse(`there is no agent for ${arch}`, `farrier agent build --arch ${arch}`);
}

function planChoice(facts: BootFacts, request: BootRequest, asked: Requester, choice: Choice): BootPlan {
  const { board } = facts;
  if (!board) return refuse('its board is not known', 'set its board; `farrier board list` shows them');
  const matched = matchArch(board, asked, choice.bundle);
  if (!matched.ok) return matched.error;
  const loader = loaderOf(board, asked, request.format);
  if (!loader.ok) return loader.error;
  const dtb = dtbOf(facts, board);
  if (!dtb.ok) return dtb.error;
  const { kernel, initrd } = choice.bundle;
  const { forms = NOTHING_SEEN, derived = NOTHING_MADE } = facts;
  const way = kernelWay({ board, loader: loader.value.loader, kernel, initrd, dtb: dtb.value, forms, derived });
  if (way.is === 'refused') return refusalOf(way);
  const { files } = way;
  const unnamed = [files.kernel, files.initrd, files.dtb].find((each) => each && !isServableName(each.name));
  if (unnamed)
    return refuse(
      `a file of it is named ${JSON.stringify(unnamed.name.slice(0, 40))}`,
      'import it under a name of letters and digits',
    );
  return planArgs(facts, request, choice, {
    board,
    loader: request.format === undefined ? besideDhcp(facts, board, loader.value) : loader.value,
    files,
    isEfi: asked.clientArch !== 0,
  });
}

const NOTHING_SEEN: NonNullable<BootFacts['forms']> = new Map();
const NOTHING_MADE: NonNullable<BootFacts['derived']> = new Map();

function matchArch(board: Board, asked: Requester, bundle: Bundle): Result<true, BootPlan> {
  if (asked.arch && asked.arch !== board.arch)
    return err(
      refuse(
        `its firmware is ${asked.arch}, but board "${board.name}" is ${board.arch}`,
        `set a board for ${asked.arch}`,
      ),
    );
  if (bundle.arch !== board.arch)
    return err(
      refuse(
        `bundle ${bundleRef(bundle)} is for ${bundle.arch}, but board "${board.name}" is ${board.arch}`,
        bundle.role === 'agent' ? `farrier agent build --arch ${board.arch}` : `assign a bundle for ${board.arch}`,
      ),
    );
  return ok(true);
}

/** The board's loader that is asking, with the formats that are still open. */
function loaderOf(board: Board, asked: Requester, format: BootFormat | undefined): Result<BoardLoader, BootPlan> {
  const known = board.loaders.map((each) => each.loader).join(', ');
  if (format !== undefined) {
    const reads = board.loaders.filter((each) => each.formats.includes(format));
    const loader = reads.find((each) => each.loader === asked.loader) ?? reads[0];
    if (loader) return ok({ ...loader, formats: [format] });
    return err(
      refuse(`board "${board.name}" reads no ${format}`, `set the right board; the loaders of this one: ${known}`),
    );
  }
  const loader = board.loaders.find((each) => asked.loader === undefined || each.loader === asked.loader);
  if (loader) return ok(asked.isUbootEfiStep ? inEfiStep(loader) : loader);
  return err(
    refuse(
      `${asked.loader ?? 'its loader'} asks, which board "${board.name}" does not have`,
      `set the right board; the loaders of this one: ${known}`,
    ),
  );
}

/**
 * GRUB looks for its config where the DHCP server says and passes over a proxy's word (seen with 2.06): beside another
 * DHCP server iPXE goes before it, on boards that can run it.
 */
function besideDhcp(facts: BootFacts, board: Board, loader: BoardLoader): BoardLoader {
  const ipxe = board.loaders.find((each) => each.loader === 'ipxe' && each.formats.includes('ipxe'));
  if (facts.isProxied !== true || loader.loader !== 'uefi' || !ipxe) return loader;
  const formats = ['ipxe' as const, ...loader.formats.filter((format) => format !== 'ipxe')];
  return { ...loader, formats, argOctetsMax: { ...ipxe.argOctetsMax, ...loader.argOctetsMax } };
}

/** GRUB boots beside another DHCP server only when that one names us. */
function needsNaming(facts: BootFacts, loader: BoardLoader, format: BootFormat): string {
  if (facts.isProxied !== true || loader.loader !== 'uefi' || format !== 'grub') return '';
  return `; the DHCP server there must name ${formatIpv4(facts.server.address)} as next-server, which GRUB asks`;
}

/** What u-boot's EFI step can be given of what u-boot reads; all of it where that is nothing, for the reason's sake. */
function inEfiStep(loader: BoardLoader): BoardLoader {
  return loader.formats.includes('grub') ? { ...loader, formats: ['grub'] } : loader;
}

/** The DTB to serve, with the machine's overlays in it; nothing where the firmware's tree is right. */
function dtbOf(facts: BootFacts, board: Board): Result<Artefact | undefined, BootPlan> {
  const base = baseDtbOf(facts, board);
  const wanted = facts.machine?.overlays ?? [];
  if (!base.ok || wanted.length === 0) return base;
  const stored = facts.machineOverlays ?? [];
  const overlays = wanted.flatMap((sha256) => stored.find((each) => each.sha256 === sha256) ?? []);
  const gone = wanted.find((sha256) => !stored.some((each) => each.sha256 === sha256));
  if (gone !== undefined)
    return err(refuse(`its overlay ${gone.slice(0, 16)} is not there`, 'give it again, or take it off the machine'));
  if (!base.value)
    return err(
      refuse(
        `it has overlays, but neither it nor board "${board.name}" has a DTB to merge them into`,
        'give the machine a DTB, or take its overlays off',
      ),
    );
  const recipe = { make: 'merged' as const, from: base.value, overlays };
  const state = facts.derived?.get(recipeKey(recipe));
  return state?.is === 'there' ? ok(state.artefact) : err(refusalOf(notThere(recipe, state)));
}

/** The machine's own DTB before its board's. */
function baseDtbOf(facts: BootFacts, board: Board): Result<Artefact | undefined, BootPlan> {
  const own = facts.machine?.dtb;
  if (own !== undefined) {
    if (facts.machineDtb) return ok(facts.machineDtb);
    return err(refuse(`its own DTB ${own.slice(0, 16)} is not there`, 'give it again, or take it off the machine'));
  }
  if (board.dtbMissing !== undefined)
    return err(refuse(board.dtbMissing, `put that DTB beside ${board.file}; farrier board lint checks it`));
  return ok(board.dtb && { name: board.dtb.name, sha256: board.dtb.sha256, octets: board.dtb.octets });
}

function refusalOf({ because, remedy, needs }: Extract<KernelWay, { is: 'refused' }>): BootPlan {
  return { do: 'refuse', because, remedy, args: undefined, needs };
}

interface Fitting {
  readonly board: Board;
  readonly loader: BoardLoader;
  readonly files: BoardFiles;
  /** iPXE hands over differently under a BIOS and under UEFI. */
  readonly isEfi: boolean;
}

function planArgs(facts: BootFacts, request: BootRequest, choice: Choice, fitting: Fitting): BootPlan {
  const { board, loader, files } = fitting;
  const formats = files.dtb ? loader.formats.filter((format) => format !== 'ipxe') : loader.formats;
  if (formats.length === 0)
    return refuse(`iPXE hands over no DTB, and board "${board.name}" needs one`, 'boot that board by its own loader');
  const words = (format: BootFormat): readonly KernelArg[] => wordsOf(facts, request, choice, fitting, format);
  const prefix = (format: BootFormat): string => prefixOf(format, fitting);
  const fit = fitArgs({ board, loader, formats, words, prefix });
  if (fit.fits) {
    const because = fit.passedOver === undefined ? '' : `; ${fit.format}, for ${fit.passedOver}`;
    return bootOf(facts, request, choice, fitting, { ...fit, because, argsIn: 'format' });
  }
  const inDtb = files.dtb && fitDtbArgs({ board, loader, formats, words });
  if (!inDtb) return { do: 'refuse', because: fit.because, remedy: fit.remedy, args: fit.measure };
  const because = `; its arguments go into /chosen/bootargs of its DTB, for ${fit.because}`;
  return bootOf(facts, request, choice, fitting, { ...inDtb, because, argsIn: 'dtb' });
}

/** How the arguments reach the kernel. */
interface Told {
  readonly format: BootFormat;
  readonly measure: ArgMeasure;
  readonly argsIn: 'format' | 'dtb';
  readonly because: string;
}

function bootOf(facts: BootFacts, request: BootRequest, choice: Choice, fitting: Fitting, told: Told): BootPlan {
  const { board, loader, files } = fitting;
  const rpi = rpiOf(facts, choice, fitting);
  if (!rpi.ok) return rpi.error;
  return {
    do: 'boot',
    because: choice.because + told.because + needsNaming(facts, loader, told.format),
    purpose: choice.purpose,
    bundle: bundleRef(choice.bundle),
    board: board.name,
    loader: loader.loader,
    format: told.format,
    ...files,
    args: told.measure,
    argsIn: told.argsIn,
    loadAddresses: board.loadAddresses,
    kernelFormat: board.kernelFormat,
    server: facts.server,
    mac: request.mac,
    rpi: rpi.value,
  };
}

/** What a Raspberry Pi needs besides kernel and arguments; nothing for everybody else. */
function rpiOf(
  facts: BootFacts,
  { bundle }: Choice,
  { board, loader, files: boots }: Fitting,
): Result<Extract<BootPlan, { do: 'boot' }>['rpi'], BootPlan> {
  if (loader.loader !== 'rpi') return ok(undefined);
  const loaders = [...bundle.loaders, ...(facts.agent?.loaders ?? [])];
  const { files, missing } = firmwareOf(board.firmware ?? [], loaders);
  if (missing !== undefined) return err(refuse(missing, `put that file beside ${board.file}`));
  const config = board.rpiConfig ?? [];
  const bad = config.find((line) => faultOfRpiLine(line) !== undefined);
  if (bad !== undefined)
    return err(refuse(`its rpiConfig line "${bad.slice(0, 40)}": ${faultOfRpiLine(bad) ?? ''}`, 'change that line'));
  const long = rpiFileLines(boots).find((line) => line.length > RPI_LINE_OCTETS_MAX);
  if (long === undefined) return ok({ firmware: files, config });
  const because = `config.txt cuts lines after ${RPI_LINE_OCTETS_MAX} octets, and this one has ${long.length}: "${long}"`;
  return err(refuse(because, 'import that file under a shorter name'));
}

function wordsOf(
  facts: BootFacts,
  request: BootRequest,
  choice: Choice,
  { board, files: { initrd } }: Fitting,
  format: BootFormat,
): readonly KernelArg[] {
  const { address, httpPort } = facts.server;
  const home = [`farrier.url=http://${formatIpv4(address)}:${httpPort}`, `farrier.token=${facts.token}`];
  const parts = {
    site: facts.siteArgs,
    bundle: choice.bundle.kernelArgs,
    board: boardArgs(board),
    machine: facts.machine?.extraArgs ?? [],
    boot: [
      ...(choice.purpose === 'agent' || choice.bundle.callsHome ? home : []),
      // The EFI stub finds iPXE's initrd by this word; a BIOS kernel passes over it.
      ...(format === 'ipxe' && initrd ? [`initrd=${initrd.name}`] : []),
      bootifWord(request.mac),
    ],
  };
  return composeArgs(parts, parameterWords(facts.parameters, choice.purpose));
}

/**
 * What the loader itself adds to the words: GRUB its image's path, iPXE under UEFI its image's name, PXELINUX the paths
 * of both (that of the initrd behind the words, which counts the same).
 */
function prefixOf(format: BootFormat, { loader, isEfi, files }: Fitting): string {
  const { kernel, initrd } = files;
  switch (format) {
    case 'grub':
      return `BOOT_IMAGE=/${artefactPath(kernel)} `;
    case 'ipxe':
      return isEfi ? `${kernel.name} ` : '';
    case 'extlinux':
      if (loader.loader === 'u-boot') return '';
      return `BOOT_IMAGE=${artefactPath(kernel)} ${initrd ? `initrd=${artefactPath(initrd)} ` : ''}`;
    case 'boot-script':
    case 'rpi':
      return '';
  }
}

function refuse(because: string, remedy: string): BootPlan {
  return { do: 'refuse', because, remedy, args: undefined };
}
