import { brokenFile, missingFiles, systemSpoke, wholeFile } from './boot-progress.ts';
import type { BootStory, FileRole, FileSeen } from './boot-story.ts';
import type { Layer } from './boot-verdict.ts';
import { secondsWords, type Finding, type Rule } from './verdict-rule.ts';

/** A loader that gives up asks for its next way within this; a board that starts anew takes its firmware's time first. */
const WENT_ON_MS = 700;
/** From so many hundredths of its blocks sent again on, a transfer suffers from the network. */
const LOSSY_PERCENT = 3;
const BLOCK_OCTETS = 1468;

const LAYER_OF: Readonly<Record<FileRole, Layer>> = {
  loader: 'loader',
  config: 'loader',
  kernel: 'kernel',
  initrd: 'initrd',
  dtb: 'kernel',
  other: 'loader',
};
const NAME_OF: Readonly<Record<FileRole, string>> = {
  loader: 'loader program',
  config: 'loader config',
  kernel: 'kernel',
  initrd: 'initrd',
  dtb: 'device tree',
  other: 'file',
};
const ROLES = ['kernel', 'initrd', 'dtb', 'config', 'loader'] as const;

/** The layer a refusal belongs to: whose part of the boot cannot be made. */
export function layerOfRefusal(because: string): Layer {
  if (/\bDTB\b|device tree/i.test(because)) return 'kernel';
  if (/argument|octets|loader|board "[^"]*" reads no/.test(because)) return 'loader';
  if (/bundle|agent|a file of it is named/.test(because)) return 'image';
  return 'firmware';
}

/** Faults that somebody said or that were seen: known at once, without waiting for any deadline. */
export const seenFaults: readonly Rule[] = [
  { id: 'console-said', look: ({ story }) => consoleSaid(story) },
  { id: 'call-failed', look: ({ story }) => callFailed(story) },
  { id: 'loader-went-on', look: ({ story }) => again(story, true) },
  { id: 'started-again', look: ({ story }) => again(story, false) },
  { id: 'refused', look: ({ story }) => refused(story) },
  { id: 'power-failed', look: ({ story }) => powerFailed(story) },
  { id: 'switched-off', look: ({ story }) => switchedOff(story) },
  { id: 'file-not-here', look: ({ story }) => notHere(story) },
  { id: 'transfer-failed', look: ({ story }) => transferFailed(story) },
  { id: 'loader-not-started', look: ({ story }) => notStarted(story) },
];

function consoleSaid({ consoleFault }: BootStory): Finding | undefined {
  if (!consoleFault) return undefined;
  const { layer, words, remedy } = consoleFault;
  const cause = `its console says: ${words}`;
  return {
    ...{ state: 'failed', layer, cause, evidence: [consoleFault], confidence: 'sure' },
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function callFailed({ callFailed: failed }: BootStory): Finding | undefined {
  return (
    failed && {
      state: 'failed',
      layer: 'initrd',
      cause: `the booted system called and could not be answered: ${failed.words}`,
      others: ['the daemon cannot write its database (locked, or the disk is full)'],
      remedy: "look at the daemon's log; the machine calls again by itself for some minutes",
      evidence: [failed],
      confidence: 'sure',
    }
  );
}

function refused({ plan, files }: BootStory): Finding | undefined {
  const kernelOut = files.some((file) => file.role === 'kernel' && file.wholeTimes > 0);
  if (plan?.do !== 'refuse' || kernelOut || isLaterWay(files)) return undefined;
  const { because, remedy } = plan;
  const layer = layerOfRefusal(because);
  return {
    state: 'failed',
    layer,
    cause: because,
    ...(remedy === undefined ? {} : { remedy }),
    evidence: [plan],
    confidence: 'sure',
  };
}

/** Firmware that could not start its loader program asks by its other ways too; that those are refused is no news. */
function isLaterWay(files: readonly FileSeen[]): boolean {
  return (
    files.some((file) => file.role === 'loader' && file.wholeTimes > 0) && !files.some((file) => file.role === 'config')
  );
}

function powerFailed({ powerFailed: failed, heard }: BootStory): Finding | undefined {
  if (!failed || heard) return undefined;
  const remedy = 'look at its power driver, its BMC or outlet, and its cable; "farrier power status" asks again';
  return { state: 'failed', layer: 'power', cause: failed.words, remedy, evidence: [failed], confidence: 'sure' };
}

function switchedOff(story: BootStory): Finding | undefined {
  const { seenOff } = story;
  if (!seenOff || (story.seenOn && story.seenOn.id > seenOff.id)) return undefined;
  return {
    state: 'failed',
    layer: 'power',
    cause: 'it was seen off before it had booted',
    others: ['somebody switched it off', 'its supply or its watchdog did'],
    remedy: 'switch it on again',
    evidence: [seenOff],
    confidence: 'sure',
  };
}

/** A planned file that Farrier itself could not give. */
function notHere(story: BootStory): Finding | undefined {
  const file = ROLES.map((role) => brokenFile(story, role)).find(
    (each) => each && (each.outcome === 'absent' || each.outcome === 'refused') && isPlanned(story, each),
  );
  if (!file || wholeFile(story, file.role)) return undefined;
  const what = NAME_OF[file.role];
  const cause =
    file.outcome === 'refused' ? file.words : `the ${what} ${file.path} was asked for, and Farrier no longer has it`;
  const remedy =
    file.outcome === 'refused'
      ? undefined
      : `import the bundle or the board's file anew; "farrier explain" shows what is there`;
  return {
    ...{ state: 'failed', layer: LAYER_OF[file.role], cause, evidence: [file], confidence: 'sure' },
    ...(remedy === undefined ? {} : { remedy }),
  };
}

/** Firmware asks for many configs that are not there; only a refused one, and files it was told of, are faults. */
function isPlanned(story: BootStory, file: FileSeen): boolean {
  return file.role === 'config' || file.role === 'loader' ? file.outcome === 'refused' : story.plan?.do === 'boot';
}

function transferFailed(story: BootStory): Finding | undefined {
  const file = ROLES.map((role) => brokenFile(story, role)).find(
    (each) => each && (each.outcome === 'gave-up' || each.outcome === 'failed'),
  );
  if (!file || systemSpoke(story)) return undefined;
  const what = NAME_OF[file.role];
  const blocks = Math.max(1, story.octets / BLOCK_OCTETS);
  const isLossy = story.retransmits >= 6 && (story.retransmits * 100) / blocks >= LOSSY_PERCENT;
  const sent = `${file.words}, ${file.retransmits} blocks sent again`;
  if (isLossy || file.octets < BLOCK_OCTETS * 8)
    return {
      state: 'failed',
      layer: 'network',
      cause: `packets are lost on the way: the ${what} was broken off (${sent})`,
      others: ['the board stopped in the middle of the transfer'],
      remedy: 'look at its cable, the switch port (duplex, errors) and whether the switch is overloaded',
      evidence: [file],
      confidence: isLossy ? 'likely' : 'guess',
    };
  return {
    state: 'failed',
    layer: 'loader',
    cause: `the board stopped taking the ${what} in the middle (${sent})`,
    others: ['its memory is too small or overwritten there', 'its cable was pulled', 'it was switched off or reset'],
    remedy: `look at the load addresses of its board, and at its console while the ${what} loads`,
    evidence: [file],
    confidence: 'likely',
  };
}

/** The same loader program twice, and nothing that it would ask for: the firmware takes it and does not run it. */
function notStarted(story: BootStory): Finding | undefined {
  const loader = wholeFile(story, 'loader');
  const wentFurther = wholeFile(story, 'config') ?? story.files.find((file) => file.atMs > (loader?.atMs ?? 0));
  if (!loader || loader.wholeTimes < 2 || wentFurther) return undefined;
  return loaderNotStarted(
    loader,
    `its firmware took ${loader.path} ${loader.wholeTimes} times and asked for nothing more`,
  );
}

/** What a loader program that does not run is put down to. */
export function loaderNotStarted(loader: FileSeen, cause: string): Finding {
  return {
    state: 'failed',
    layer: 'loader',
    cause: `${cause}: it does not start that program`,
    others: ['it is for another architecture', 'Secure Boot refuses its signature', 'the file is damaged'],
    remedy: 'compare the loader program with the machine\'s architecture; "farrier agent build" brings the right one',
    evidence: [loader],
    confidence: 'likely',
  };
}

/** Its firmware began anew before the system had said that it runs. */
function again(story: BootStory, wentOn: boolean): Finding | undefined {
  const { again: mark } = story;
  if (!mark || (mark.wentOn || mark.sinceMs < WENT_ON_MS) !== wentOn) return undefined;
  const after = secondsWords(mark.sinceMs);
  const kernel = wholeFile(story, 'kernel');
  const spoke = systemSpoke(story);
  const evidence = [mark, ...(kernel ? [kernel] : [])];
  if (spoke)
    return {
      ...{ state: 'failed', layer: 'image', evidence: [mark, spoke], confidence: 'likely' },
      cause: `the system had started, and the board began anew ${after} after its last file`,
      others: ['a panic with panic= among its arguments', 'a watchdog', 'somebody reset it'],
      remedy: 'look at its last step above, and at root= among its kernel arguments',
    };
  if (!kernel)
    return {
      ...{ state: 'failed', layer: 'firmware', evidence, confidence: 'guess' },
      cause: `its firmware began anew before it had taken a kernel`,
      others: ['its loader gave up on what it was given', 'somebody reset it', 'a watchdog'],
      remedy: 'look at the last file above: what came after it never was asked for',
    };
  return wentOn ? loaderRefused(story, evidence) : kernelStoppedAgain(after, evidence);
}

function loaderRefused(story: BootStory, evidence: Finding['evidence']): Finding {
  const missing = missingFiles(story);
  if (missing.includes('dtb')) return argumentOverflow(story, evidence);
  if (missing.includes('initrd'))
    return {
      ...{ state: 'failed', layer: 'initrd', evidence, confidence: 'likely' },
      cause: 'its loader took the kernel, never asked for the initrd, and gave this boot up',
      remedy: 'look at the config above as the loader reads it',
    };
  return {
    ...{ state: 'failed', layer: 'loader', evidence, confidence: 'likely' },
    cause: 'its loader took every file and gave this boot up at once: it cannot start this kernel',
    others: ['the kernel is for another architecture or of another format', 'the arguments are longer than its buffer'],
    remedy: "compare the kernel's format and architecture with the board's; the loader says why on its console",
  };
}

/** u-boot composes the arguments between the initrd and the device tree (label_boot), and gives up there. */
export function argumentOverflow(story: BootStory, evidence: Finding['evidence']): Finding {
  const others = ['the device tree has no load address there (fdt_addr_r)'];
  return {
    ...{ state: 'failed', layer: 'loader', evidence, confidence: 'likely', others },
    cause:
      'its loader took the kernel' +
      `${story.plan?.initrd === undefined ? '' : ' and the initrd'} and stopped before the device tree: ` +
      'that is where u-boot finds the kernel arguments too long for its buffer',
    remedy: "shorten the kernel arguments, and lower the board's argument limit to what this u-boot really holds",
  };
}

function kernelStoppedAgain(after: string, evidence: Finding['evidence']): Finding {
  return {
    ...{ state: 'failed', layer: 'kernel', evidence, confidence: 'likely' },
    cause: `the board began anew ${after} after its kernel went out, and the system never spoke: a panic or a watchdog`,
    others: ['the kernel panicked and panic= made it start again', 'a watchdog of the board', 'somebody reset it'],
    remedy: 'boot a kernel that is known to run there; give earlycon to hear the panic on the console',
  };
}
