import { parseBootPath } from './boot-path.ts';
import { bootTurn } from './boot-turn.ts';
import { LAYERS, type Layer } from './boot-verdict.ts';
import type { FarrierEvent } from './event.ts';

/** Something that was seen: when, and the event that tells it. */
export interface Mark {
  readonly atMs: number;
  readonly id: number;
}

/** What a file is to the boot. */
export type FileRole = 'loader' | 'config' | 'kernel' | 'initrd' | 'dtb' | 'other';

/** One file as it was asked for last. */
export interface FileSeen extends Mark {
  readonly path: string;
  readonly role: FileRole;
  readonly outcome: string;
  readonly octets: number;
  readonly retransmits: number;
  readonly sha256: string | undefined;
  /** How often it went out whole. */
  readonly wholeTimes: number;
  /** What the protocol or the refusal said. */
  readonly words: string;
}

/** What was decided for the boot. */
export interface PlanSeen extends Mark {
  readonly do: string;
  readonly because: string;
  readonly remedy: string | undefined;
  readonly bundle: string | undefined;
  readonly format: string | undefined;
  readonly callsHome: boolean;
  /** The paths the loader is told. */
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly dtb: string | undefined;
}

/** A fault that a console told: in which layer, in the pattern's words, with what to try. */
interface ConsoleFault {
  readonly layer: Layer;
  readonly words: string;
  readonly remedy: string | undefined;
}

/** A boot as far as its events tell; the verdict looks at nothing else. */
export interface BootStory {
  readonly startedMs: number;
  readonly ordered: Mark | undefined;
  readonly seenOn: Mark | undefined;
  readonly seenOff: Mark | undefined;
  /** It was switched by an order, which ended it. */
  readonly switched: Mark | undefined;
  readonly powerFailed: (Mark & { readonly words: string }) | undefined;
  readonly heard: Mark | undefined;
  /** DHCP messages of the firmware so far. */
  readonly messages: number;
  readonly unanswered: (Mark & { readonly words: string }) | undefined;
  readonly acked: Mark | undefined;
  readonly plan: PlanSeen | undefined;
  readonly files: readonly FileSeen[];
  readonly octets: number;
  readonly retransmits: number;
  /** The booted system asked for an address of its own. */
  readonly systemDhcp: Mark | undefined;
  readonly started: Mark | undefined;
  readonly step: (Mark & { readonly words: string }) | undefined;
  readonly facts: Mark | undefined;
  readonly booted: Mark | undefined;
  readonly callFailed: (Mark & { readonly words: string }) | undefined;
  /** Its kernel was heard on its console. */
  readonly kernelSpoke: Mark | undefined;
  /** What its console said first that stops a boot. */
  readonly consoleFault: (Mark & ConsoleFault) | undefined;
  /** Its firmware spoke again, which began another boot. */
  readonly again: (Mark & { readonly sinceMs: number; readonly wentOn: boolean }) | undefined;
}

/** Paths of one boot that are kept apart; a loader that searches for hours must not grow the story. */
const FILES_MAX = 64;

/** A boot of which nothing has been seen. */
export function emptyStory(startedMs: number): BootStory {
  return {
    startedMs,
    ...{ ordered: undefined, seenOn: undefined, seenOff: undefined, switched: undefined },
    ...{ powerFailed: undefined },
    ...{ heard: undefined, messages: 0, unanswered: undefined, acked: undefined, plan: undefined },
    ...{ files: [], octets: 0, retransmits: 0, systemDhcp: undefined, started: undefined, step: undefined },
    ...{ facts: undefined, booted: undefined, callFailed: undefined, again: undefined },
    ...{ kernelSpoke: undefined, consoleFault: undefined },
  };
}

/** A text of an event's detail. */
function text(event: FarrierEvent, key: string): string | undefined {
  const value = event.detail[key];
  return typeof value === 'string' ? value : undefined;
}

function figure(event: FarrierEvent, key: string): number {
  const value = event.detail[key];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}

/** The story with one more event, in the order in which they were written. */
export function tellStory(story: BootStory, event: FarrierEvent): BootStory {
  switch (event.kind) {
    case 'power':
      return tellPower(story, event);
    case 'dhcp':
      return tellDhcp(story, event);
    case 'tftp':
    case 'http':
      return tellFile(story, event);
    case 'agent':
      return tellAgent(story, event);
    case 'boot':
      return tellBoot(story, event);
    case 'console':
      return tellConsole(story, event);
    case 'state':
    case 'edit':
    case 'security':
    case 'network':
      return story;
  }
}

const markOf = (event: FarrierEvent): Mark => ({ atMs: event.atMs, id: event.id });

/** Refused before anything was switched, or the verdict over an outlet: neither is a fault of the boot before it. */
const isAboutNoBoot = (event: FarrierEvent): boolean =>
  text(event, 'verb') === 'flip-test' || (text(event, 'code') === 'refused' && text(event, 'state') === undefined);

function tellPower(story: BootStory, event: FarrierEvent): BootStory {
  const mark = markOf(event);
  const state = text(event, 'state');
  if (isAboutNoBoot(event)) return story;
  const isBegun = story.ordered !== undefined || story.heard !== undefined;
  if (event.severity === 'bad') return { ...story, powerFailed: { ...mark, words: event.text } };
  if (state === 'on') return { ...story, seenOn: mark, seenOff: undefined, powerFailed: undefined };
  // In a cycle "off" is half of the way.
  if (state === 'off') return text(event, 'verb') === 'cycle' || !isBegun ? story : { ...story, seenOff: mark };
  const turn = bootTurn(event);
  if (isBegun && (turn === 'ends' || (turn === 'begins' && story.heard))) return { ...story, switched: mark };
  return turn === 'begins' ? { ...story, ordered: story.ordered ?? mark } : story;
}

function tellDhcp(story: BootStory, event: FarrierEvent): BootStory {
  const mark = markOf(event);
  if (text(event, 'by') === 'system') return { ...story, systemDhcp: story.systemDhcp ?? mark };
  const sent = text(event, 'sent');
  // Beside another DHCP server the address comes from there.
  const isTaken = sent === 'ACK' || event.detail['takesFrom'] !== undefined;
  const isAnswered = sent === 'OFFER' || isTaken;
  return {
    ...story,
    heard: story.heard ?? mark,
    messages: story.messages + 1,
    acked: isTaken ? mark : story.acked,
    unanswered: isAnswered ? undefined : { ...mark, words: event.text },
  };
}

const plain = (path: string): string => path.replace(/^\/+/, '');

/** What a path is to a boot of this plan. */
export function roleOf(path: string, plan: Pick<PlanSeen, 'kernel' | 'initrd' | 'dtb'> | undefined): FileRole {
  const name = plain(path);
  if (plan && name === plan.kernel) return 'kernel';
  if (plan && name === plan.initrd) return 'initrd';
  if (plan && name === plan.dtb) return 'dtb';
  const is = parseBootPath(path).is;
  return is === 'loader' || is === 'config' ? is : 'other';
}

function tellFile(story: BootStory, event: FarrierEvent): BootStory {
  const path = text(event, 'path');
  if (path === undefined) return story;
  const before = story.files.find((file) => file.path === path);
  if (!before && story.files.length >= FILES_MAX) return story;
  const outcome = text(event, 'outcome') ?? 'done';
  const isWhole = outcome === 'done' && figure(event, 'octets') > 0;
  const file: FileSeen = {
    ...markOf(event),
    ...{ path, role: roleOf(path, story.plan), outcome },
    octets: figure(event, 'octets'),
    retransmits: figure(event, 'retransmits'),
    sha256: text(event, 'sha256'),
    wholeTimes: (before?.wholeTimes ?? 0) + (isWhole ? 1 : 0),
    words: text(event, 'words') ?? event.text,
  };
  return {
    ...story,
    files: [...story.files.filter((each) => each !== before), file],
    octets: story.octets + file.octets,
    retransmits: story.retransmits + file.retransmits,
  };
}

/** The pattern of `console-patterns.yaml` that matches a kernel's first line. */
const KERNEL_PATTERN = 'kernel';

function tellConsole(story: BootStory, event: FarrierEvent): BootStory {
  // A kernel that speaks before any of this boot's was served is another's.
  const isKernel = text(event, 'pattern') === KERNEL_PATTERN && story.files.some(({ role }) => role === 'kernel');
  if (isKernel) return { ...story, kernelSpoke: story.kernelSpoke ?? markOf(event) };
  const layer = LAYERS.find((each) => each === text(event, 'stops'));
  if (layer === undefined || story.consoleFault) return story;
  return { ...story, consoleFault: { ...markOf(event), layer, words: event.text, remedy: text(event, 'remedy') } };
}

function tellAgent(story: BootStory, event: FarrierEvent): BootStory {
  const mark = markOf(event);
  if (event.severity === 'good') return { ...story, facts: mark, callFailed: undefined };
  const words = text(event, 'step');
  return words === undefined ? story : { ...story, step: { ...mark, words }, callFailed: undefined };
}

function tellBoot(story: BootStory, event: FarrierEvent): BootStory {
  const mark = markOf(event);
  switch (text(event, 'signal')) {
    case 'kernel-started':
      return { ...story, started: mark };
    case 'booted':
      return { ...story, booted: mark, callFailed: undefined };
    case 'call-failed':
      return { ...story, callFailed: { ...mark, words: event.text } };
    case 'again':
      return {
        ...story,
        again: { ...mark, sinceMs: figure(event, 'sinceMs'), wentOn: event.detail['wentOn'] === true },
      };
    case undefined:
      return tellPlan(story, event);
    default:
      return story;
  }
}

function tellPlan(story: BootStory, event: FarrierEvent): BootStory {
  const what = text(event, 'plan');
  // Verdicts are no decisions.
  if (what === undefined) return story;
  const plan: PlanSeen = {
    ...markOf(event),
    do: what,
    because: text(event, 'because') ?? event.text,
    remedy: text(event, 'remedy'),
    bundle: text(event, 'bundle'),
    format: text(event, 'format'),
    callsHome: event.detail['callsHome'] === true,
    kernel: text(event, 'kernel'),
    initrd: text(event, 'initrd'),
    dtb: text(event, 'dtb'),
  };
  return { ...story, plan, files: story.files.map((file) => ({ ...file, role: roleOf(file.path, plan) })) };
}
