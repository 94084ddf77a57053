import { formatIpv4, type Ipv4, type Mac, type Sha256 } from '../core/address.ts';
import { ARCHES } from '../core/arch.ts';
import type { BootFormat } from '../core/board.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Artefact } from '../core/bundle.ts';
import { parseBootPath, type BootPath } from '../core/boot-path.ts';
import { isOwnFolder } from '../core/rpi.ts';
import type { Network } from '../core/lease.ts';
import type { Machine } from '../core/machine.ts';
import { contentInMemory, type Artefacts, type Content } from '../ports/artefacts.ts';
import type { BootFiles, FileAnswer, FileRequest, TransferReport } from '../ports/boot-files.ts';
import type { MacOfAddress } from '../ports/dhcp-advisor.ts';
import type { Render, WriteBootargs } from '../ports/render.ts';
import { chosenDtb } from './chosen-dtb.ts';
import { planMachine } from './plan-machine.ts';
import { boardFor, newestAgent } from './boot-facts.ts';
import { rememberedRequest, type BootSession } from './boot-sessions.ts';
import { readsRpiNames, rpiFile } from './serve-rpi.ts';
import { giveOnceBack, useOnce } from './use-once.ts';
import { decide, tell, type ServeBootDeps } from './serve-boot.ts';

/** What file requests need besides the decision itself. */
export interface ServeFilesDeps extends ServeBootDeps {
  readonly writeBootargs: WriteBootargs;
  readonly store: Artefacts;
  readonly render: Render;
  readonly macOfAddress: MacOfAddress;
  /** The network a peer's address lies in. */
  readonly networkOfPeer: (peer: Ipv4) => Network | undefined;
  readonly digest: (octets: Uint8Array) => Sha256;
}

/** Who asks, as far as the leases and the sessions tell. */
interface Asker {
  readonly mac: Mac;
  readonly network: Network;
  readonly machine: Machine;
  readonly session: BootSession;
}

/** Answers file requests of TFTP and HTTP from the boot plan and the artefacts. */
export function createBootFiles(deps: ServeFilesDeps): BootFiles {
  return {
    open: async (request) => {
      const path = parseBootPath(request.path);
      const asker = await whoAsks(deps, request.peer);
      if (asker) asker.session.lastMs = deps.clock.now();
      const answer = await answerOf(deps, request, path, asker);
      if (answer.is !== 'file' && asker) tellMiss(deps, asker, request, answer);
      return answer;
    },
  };
}

async function answerOf(
  deps: ServeFilesDeps,
  request: FileRequest,
  path: BootPath,
  asker: Asker | undefined,
): Promise<FileAnswer> {
  switch (path.is) {
    case 'artefact':
      return openArtefact(deps, request, path.sha256Start, asker);
    case 'loader':
      return openLoader(deps, request, path.name, asker);
    case 'config':
      return openConfig(deps, request, path, asker);
    case 'chosen-dtb':
      return openChosenDtb(deps, request, path.mac, asker);
    case 'rpi':
      return openRpi(deps, request, path.name, asker);
    case 'folder':
      if (asker && !isOwnFolder(path.folder, { mac: asker.mac, systemUuid: asker.session.request.systemUuid }))
        return { is: 'refused', because: 'that is the folder of another board' };
      return answerOf(deps, request, path.path, asker);
    case 'unknown':
      return { is: 'absent' };
  }
}

async function whoAsks(deps: ServeFilesDeps, peer: Ipv4): Promise<Asker | undefined> {
  const mac = await deps.macOfAddress(peer);
  const network = deps.networkOfPeer(peer);
  const machine = mac && (await deps.machines.byMac(mac));
  if (mac === undefined || network === undefined || machine === undefined) return undefined;
  // After a restart the session is gone: what the firmware said last is kept on the machine.
  const session =
    deps.sessions.byMac(mac) ?? (await deps.sessions.firmwareSpoke(machine, rememberedRequest(machine, mac)));
  return { mac, network, machine, session };
}

async function openArtefact(
  deps: ServeFilesDeps,
  request: FileRequest,
  sha256Start: string,
  asker: Asker | undefined,
): Promise<FileAnswer> {
  const dtb = deps.boards.findDtb(sha256Start);
  if (dtb) return fileAnswer(deps, request, await deps.boards.openDtb(dtb), asker);
  const sha256 = await deps.store.find(sha256Start);
  const content = sha256 && (await deps.store.open(sha256));
  if (!content || !asker || !(await isKernel(deps, asker.session, content.sha256)))
    return fileAnswer(deps, request, content, asker);
  // Once its kernel goes out, the next word of the firmware is another boot.
  asker.session.over = true;
  await useOnce(deps, asker.session);
  return fileAnswer(deps, request, content, asker, (report) => {
    kernelEnded(deps, asker.session, request, content, report);
  });
}

/** A boot whose kernel never went out whole has not happened: what was set for one boot waits for the next. */
function kernelEnded(
  deps: ServeFilesDeps,
  session: BootSession,
  request: FileRequest,
  content: Content,
  report: TransferReport,
): void {
  if (isWhole(content, report)) {
    session.kernelWent = true;
    tell(deps, session, 'boot', 'good', 'its kernel went out whole', { signal: 'kernel-out', path: request.path });
    // A transfer that was cut may have given them back while this one was under way.
    useOnce(deps, session).catch(() => undefined);
  } else if (!session.kernelWent && (report.outcome !== 'done' || report.octetsSent === 0)) giveOnceBack(deps, session);
}

const isWhole = (content: Content, report: TransferReport): boolean =>
  report.outcome === 'done' && report.octetsSent >= content.octets;

async function isKernel(deps: ServeFilesDeps, session: BootSession, sha256: Sha256): Promise<boolean> {
  if (session.kernel === sha256) return true;
  return (await deps.bundles.list()).some((bundle) => bundle.kernel.sha256 === sha256);
}

async function openLoader(
  deps: ServeFilesDeps,
  request: FileRequest,
  name: string,
  asker: Asker | undefined,
): Promise<FileAnswer> {
  const bundles = await deps.bundles.list();
  const loaders = ARCHES.flatMap((arch) => newestAgent(bundles, arch)?.loaders ?? []);
  const found: Artefact | undefined = loaders.find((each) => each.name === name);
  if (!found)
    return {
      is: 'refused',
      because: `the loader program ${name} is not here; "farrier agent build" for the machine's architecture brings it`,
    };
  return fileAnswer(deps, request, await deps.store.open(found.sha256), asker);
}

async function openConfig(
  deps: ServeFilesDeps,
  request: FileRequest,
  path: { readonly format: BootFormat; readonly mac: Mac | undefined },
  asker: Asker | undefined,
): Promise<FileAnswer> {
  if (!asker) return { is: 'refused', because: `${formatIpv4(request.peer)} is the address of no known machine` };
  // A config carries the boot's token: only the board it is for may read it.
  if (path.mac !== undefined && path.mac !== asker.mac)
    return { is: 'refused', because: `it asked for the config of ${path.mac}, which is another board` };
  const asked: BootRequest = { ...asker.session.request, format: path.format };
  const plan = await decide(deps, asker.session, { machine: asker.machine, request: asked, network: asker.network });
  if (plan.do === 'ignore') return { is: 'absent' };
  const text = deps.render(path.format, plan);
  if (!text.ok) return { is: 'refused', because: text.error };
  return fileAnswer(deps, request, contentInMemory(deps.digest(text.value), text.value), asker);
}

/** The DTB with this boot's arguments in it, for the board that was told to ask for it and for no other. */
async function openChosenDtb(
  deps: ServeFilesDeps,
  request: FileRequest,
  mac: Mac,
  asker: Asker | undefined,
): Promise<FileAnswer> {
  if (!asker) return { is: 'refused', because: `${formatIpv4(request.peer)} holds no lease of a known machine` };
  if (mac !== asker.mac) return { is: 'refused', because: `it asked for the device tree of ${mac}, another board` };
  const { machine, network, session } = asker;
  for (const format of DTB_ARG_FORMATS) {
    const asked: BootRequest = { ...session.request, format };
    const { plan } = await planMachine(deps, {
      ...{ machine, network, token: session.token, boot: session.id },
      request: asked,
    });
    if (plan.do !== 'boot' || plan.argsIn !== 'dtb') continue;
    const dtb = await chosenDtb(deps, plan);
    if (!dtb.ok) return { is: 'refused', because: dtb.error };
    return fileAnswer(deps, request, contentInMemory(deps.digest(dtb.value), dtb.value), asker);
  }
  return { is: 'refused', because: 'its plan has changed since it was told to ask for this' };
}

/** Formats that can send a board to a DTB of its own. */
const DTB_ARG_FORMATS = ['extlinux', 'boot-script'] as const satisfies readonly BootFormat[];

async function openRpi(
  deps: ServeFilesDeps,
  request: FileRequest,
  name: string,
  asker: Asker | undefined,
): Promise<FileAnswer> {
  if (!asker || !readsRpiNames(asker.session.request)) return { is: 'absent' };
  const asked: BootRequest = { ...asker.session.request, format: 'rpi' };
  const plan = await decide(deps, asker.session, { machine: asker.machine, request: asked, network: asker.network });
  const file = rpiFile(deps.render, plan, name);
  switch (file.is) {
    case 'absent':
    case 'refused':
      return file;
    case 'text':
      return fileAnswer(deps, request, contentInMemory(deps.digest(file.octets), file.octets), asker);
    case 'stored': {
      const { sha256 } = file.artefact;
      const content = (await deps.boards.openDtb(sha256)) ?? (await deps.store.open(sha256));
      return fileAnswer(deps, request, content, asker);
    }
  }
}

function fileAnswer(
  deps: ServeFilesDeps,
  request: FileRequest,
  content: Content | undefined,
  asker: Asker | undefined,
  then: (report: TransferReport) => void = () => undefined,
): FileAnswer {
  if (!content) return { is: 'absent' };
  if (asker) asker.session.sending += 1;
  return {
    is: 'file',
    content,
    habits: asker && boardFor(deps, asker.machine, asker.session.request)?.tftp,
    ended: (report) => {
      content.close();
      if (asker) fileEnded(deps, asker.session);
      if (asker) tellTransfer(deps, asker, request, content, report);
      then(report);
    },
  };
}

function fileEnded(deps: ServeFilesDeps, session: BootSession): void {
  session.sending -= 1;
  session.lastFileMs = deps.clock.now();
}

function tellTransfer(
  deps: ServeFilesDeps,
  asker: Asker,
  request: FileRequest,
  content: Content,
  report: TransferReport,
): void {
  const words = `${request.path}: ${transferWords(content, report)}`;
  const severity = report.outcome === 'done' ? 'good' : report.outcome === 'aborted-by-peer' ? 'note' : 'warning';
  tell(deps, asker.session, request.via, severity, words, {
    path: request.path,
    octets: report.octetsSent,
    durationMs: Math.round(report.durationMs),
    retransmits: report.retransmits,
    sha256: content.sha256,
    outcome: report.outcome,
    words: report.words,
  });
}

function transferWords(content: Content, report: TransferReport): string {
  const octets = String(content.octets);
  // HEAD, as UEFI's HTTP boot sends it first, or a copy that is still good.
  const isBare = report.octetsSent === 0 && content.octets > 0;
  if (report.outcome === 'done' && isBare) return `${report.words}, ${octets} octets`;
  if (report.outcome === 'done') return `${octets} octets in ${String(Math.round(report.durationMs))} ms`;
  // EDK2 reads the size from the OACK, ends the transfer with ERROR 8, and asks anew.
  if (report.outcome === 'aborted-by-peer' && report.octetsSent === 0)
    return `asked only for the size, ${octets} octets`;
  return `${report.words} after ${String(report.octetsSent)} of ${octets} octets`;
}

function tellMiss(
  deps: ServeFilesDeps,
  asker: Asker,
  request: FileRequest,
  answer: Exclude<FileAnswer, { is: 'file' }>,
): void {
  const detail = { path: request.path, outcome: answer.is };
  if (answer.is === 'refused')
    tell(deps, asker.session, request.via, 'bad', `${request.path}: refused, ${answer.because}`, detail);
  else
    tell(deps, asker.session, request.via, 'note', `${request.path}: not here (a normal part of its search)`, detail);
}
