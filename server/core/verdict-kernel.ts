import { lastFileMs, missingFiles, wholeFile } from './boot-progress.ts';
import type { BootStory } from './boot-story.ts';
import { dueOrSilent, type Finding, type Rule, type VerdictCase } from './verdict-rule.ts';
import { argumentOverflow } from './verdict-faults.ts';

/** Silences after the kernel went out. */
export const kernelSilences: readonly Rule[] = [
  { id: 'agent-stopped', look: (about) => agentStopped(about) },
  { id: 'image-silent', look: (about) => imageSilent(about) },
  { id: 'no-call', look: (about) => noCall(about) },
  { id: 'file-not-asked', look: (about) => fileNotAsked(about) },
  { id: 'handed-over', look: ({ story }) => handedOver(story) },
  { id: 'kernel-silent', look: (about) => kernelSilent(about) },
];

function agentStopped(about: VerdictCase): Finding | undefined {
  const { step } = about.story;
  return (
    step &&
    dueOrSilent(
      about,
      {
        ...{ sinceMs: step.atMs, withinS: about.deadlines.bootedS, evidence: [step] },
        waitingFor: `the agent runs; its last step: ${step.words}`,
      },
      {
        ...{ layer: 'initrd', confidence: 'likely' },
        cause: `the agent stopped after its step "${step.words}"`,
        others: ['the machine hangs or lost its link while its drivers load', 'it was switched off'],
        remedy: 'look at its console; a driver of its network card or disks may stop it',
      },
    )
  );
}

function imageSilent(about: VerdictCase): Finding | undefined {
  const { started } = about.story;
  return (
    started &&
    dueOrSilent(
      about,
      {
        ...{ sinceMs: started.atMs, withinS: about.deadlines.bootedS, evidence: [started] },
        waitingFor: 'its kernel and initrd run; the system has not said "booted" yet',
      },
      {
        ...{ layer: 'image', confidence: 'likely' },
        cause: 'its kernel and initrd run, but the system they were to start never came up',
        others: [
          'root= names a disk or share that is not there',
          'the driver of that disk is not in the initrd',
          'the system runs and does not send "booted"',
        ],
        remedy: "compare root= among its kernel arguments with the machine's disks",
      },
    )
  );
}

function noCall(about: VerdictCase): Finding | undefined {
  const { systemDhcp, plan } = about.story;
  if (!systemDhcp || plan?.callsHome !== true) return undefined;
  return dueOrSilent(
    about,
    {
      ...{ sinceMs: systemDhcp.atMs, withinS: about.deadlines.callS, evidence: [systemDhcp] },
      waitingFor: 'the system asked for its own address; its first call is waited for',
    },
    {
      ...{ layer: 'initrd', confidence: 'likely' },
      cause:
        'the system runs and has asked for its own address, but its call never reached Farrier: its metadata is missing',
      others: [
        'farrier.url= among its arguments is overridden, or names a port that is closed to it',
        'another program answered its call with an error',
        'its address is in use twice',
      ],
      remedy: "call Farrier's HTTP port from that network, and look for a second farrier.url= among its arguments",
    },
  );
}

/** A planned file that the loader did not ask for although the kernel went out. */
function fileNotAsked(about: VerdictCase): Finding | undefined {
  const { story } = about;
  const kernel = wholeFile(story, 'kernel');
  const [missing] = missingFiles(story);
  if (!kernel || missing === undefined || missing === 'kernel' || story.systemDhcp) return undefined;
  const sinceMs = lastFileMs(story) ?? kernel.atMs;
  const name = missing === 'dtb' ? 'device tree' : 'initrd';
  const step = {
    ...{ sinceMs, withinS: about.deadlines.nextFileS, evidence: [kernel] },
    waitingFor: `its kernel went out; it has still to ask for the ${name}`,
  };
  if (missing === 'dtb') {
    const { layer, cause, others, remedy, confidence } = argumentOverflow(story, [kernel]);
    return dueOrSilent(about, step, {
      ...{ cause, confidence },
      ...(layer === undefined ? {} : { layer }),
      ...(others === undefined ? {} : { others }),
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
  return dueOrSilent(about, step, {
    ...{ layer: 'initrd', confidence: 'likely' },
    cause: 'its loader took the kernel and never asked for the initrd',
    others: ['the loader has no load address for it (ramdisk_addr_r)', 'the loader hangs'],
    remedy: 'look at the config above as the loader reads it, and at its console',
  });
}

/** A system that does not tell is no silence: nothing more is expected of it. */
function handedOver(story: BootStory): Finding | undefined {
  const kernel = wholeFile(story, 'kernel');
  if (!kernel || story.plan?.callsHome !== false) return undefined;
  return {
    state: 'ended well',
    ...(story.kernelSpoke
      ? {
          cause: 'its kernel runs, as its console says; this bundle does not call home, so no more is waited for',
          evidence: [kernel, story.kernelSpoke],
          confidence: 'likely',
        }
      : {
          cause: 'its kernel went out whole; this bundle does not call home, so what follows is not seen',
          evidence: [kernel],
          confidence: 'guess',
        }),
  };
}

function kernelSilent(about: VerdictCase): Finding | undefined {
  const { story, deadlines } = about;
  const kernel = wholeFile(story, 'kernel');
  if (!kernel) return undefined;
  const hasInitrd = story.plan?.initrd !== undefined;
  return dueOrSilent(
    about,
    {
      ...{ sinceMs: lastFileMs(story) ?? kernel.atMs, withinS: deadlines.callS },
      evidence: story.kernelSpoke ? [kernel, story.kernelSpoke] : [kernel],
      waitingFor: 'all files went out; the first word of the booted system is waited for',
    },
    hasInitrd ? (story.kernelSpoke ? uncalled() : unheardKernel(story)) : noInitrd(),
  );
}

type Silence = Pick<Finding, 'layer' | 'cause' | 'others' | 'remedy' | 'confidence'>;

function uncalled(): Silence {
  return {
    ...{ layer: 'initrd', confidence: 'likely' },
    cause: 'its kernel runs, as its console says, and then the system never called',
    others: ["the initrd lacks the driver of the board's network card", 'the kernel stopped later'],
    remedy: 'read on its console how far it came',
  };
}

function noInitrd(): Silence {
  return {
    ...{ layer: 'initrd', confidence: 'likely' },
    cause: 'the kernel got no initrd, and the system never spoke: it finds no root file system',
    others: ['the kernel panicked before its console'],
    remedy: 'import the bundle with its initrd',
  };
}

function unheardKernel(story: BootStory): Silence {
  const tree =
    story.plan?.dtb === undefined
      ? "the firmware's own device tree does not fit this kernel"
      : 'the device tree is of another board';
  return {
    ...{ layer: 'kernel', confidence: 'likely' },
    cause: 'every file went out whole, and then the system never spoke: the kernel stopped before it could',
    others: [
      'the kernel panicked before its console',
      tree,
      'the kernel lacks a driver that this board needs to start',
      "the initrd lacks the driver of the board's network card",
    ],
    remedy: 'give earlycon and look at its console; boot a bundle that is known to run on this board',
  };
}
