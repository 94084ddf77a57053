import { wholeFile } from './boot-progress.ts';
import { dueOrSilent, type Finding, type Rule, type VerdictCase } from './verdict-rule.ts';
import { loaderNotStarted } from './verdict-faults.ts';

/** Silences before the kernel. */
export const earlySilences: readonly Rule[] = [
  { id: 'kernel-not-asked', look: (about) => kernelNotAsked(about) },
  { id: 'config-not-asked', look: (about) => configNotAsked(about) },
  { id: 'no-file-asked', look: (about) => noFileAsked(about) },
  { id: 'no-address-taken', look: (about) => noAddressTaken(about) },
  { id: 'nothing-heard', look: (about) => nothingHeard(about) },
];

function kernelNotAsked(about: VerdictCase): Finding | undefined {
  const config = wholeFile(about.story, 'config');
  return (
    config &&
    dueOrSilent(
      about,
      {
        ...{ sinceMs: config.atMs, withinS: about.deadlines.nextFileS, evidence: [config] },
        waitingFor: 'its loader read its config; the kernel has still to be asked for',
      },
      {
        ...{ layer: 'loader', confidence: 'likely' },
        cause: `its loader read ${config.path} and asked for no kernel`,
        others: [
          'the loader does not understand a line of it',
          'the loader hangs',
          'it lacks a load address (kernel_addr_r)',
        ],
        remedy: 'look at the config above as that loader reads it, and at its console',
      },
    )
  );
}

function configNotAsked(about: VerdictCase): Finding | undefined {
  const loader = wholeFile(about.story, 'loader');
  if (!loader) return undefined;
  const { layer, cause, others, remedy, confidence } = loaderNotStarted(
    loader,
    `its firmware took ${loader.path} and asked for nothing more`,
  );
  return dueOrSilent(
    about,
    {
      ...{ sinceMs: loader.atMs, withinS: about.deadlines.nextFileS, evidence: [loader] },
      waitingFor: 'the loader program went out; its config has still to be asked for',
    },
    {
      ...{ cause, confidence },
      ...(layer === undefined ? {} : { layer }),
      ...(others === undefined ? {} : { others }),
      ...(remedy === undefined ? {} : { remedy }),
    },
  );
}

function noFileAsked(about: VerdictCase): Finding | undefined {
  const { acked } = about.story;
  return (
    acked &&
    dueOrSilent(
      about,
      {
        ...{ sinceMs: acked.atMs, withinS: about.deadlines.firstFileS, evidence: [acked] },
        waitingFor: 'it has its address; its first file has still to be asked for',
      },
      {
        ...{ layer: 'firmware', confidence: 'likely' },
        cause: 'its firmware took an address and asked for no file that Farrier has',
        others: [
          'UDP port 69 of this host is closed to it by a packet filter',
          'its firmware cannot use the first file it was named',
          'its firmware only tests the network and boots elsewhere',
        ],
        remedy: 'look at the packet filter of this host, and at the boot order of the firmware',
      },
    )
  );
}

function noAddressTaken(about: VerdictCase): Finding | undefined {
  const { heard, unanswered, messages } = about.story;
  return (
    heard &&
    dueOrSilent(
      about,
      {
        ...{
          sinceMs: heard.atMs,
          withinS: about.deadlines.addressS,
          evidence: [heard, ...(unanswered ? [unanswered] : [])],
        },
        waitingFor: 'it asks for an address',
      },
      {
        ...{ layer: 'network', confidence: 'likely' },
        cause: unanswered
          ? `it asked ${messages} times and was given no address: ${unanswered.words}`
          : `it asked ${messages} times and took no address although it was offered one: our answers do not reach it`,
        others: ['the switch port keeps broadcasts away from it', 'it takes the offer of another DHCP server'],
        remedy: 'look at its VLAN, its switch port, and for a second DHCP server on that network',
      },
    )
  );
}

function nothingHeard(about: VerdictCase): Finding | undefined {
  const { ordered, seenOn } = about.story;
  if (!ordered) return undefined;
  const sinceMs = seenOn?.atMs ?? ordered.atMs;
  const evidence = [ordered, ...(seenOn ? [seenOn] : [])];
  const step = {
    sinceMs,
    withinS: about.deadlines.heardS,
    evidence,
    waitingFor: 'it was switched on; its first packet is waited for',
  };
  if (seenOn)
    return dueOrSilent(about, step, {
      ...{ layer: 'network', confidence: 'likely' },
      cause: 'it is on, and no packet of it was ever heard',
      others: [
        'its cable or switch port is down, or in another VLAN',
        'its firmware does not boot from the network',
        'the MAC kept for it is wrong',
      ],
      remedy: "look at the link of its network port, its VLAN and the firmware's boot order",
    });
  return dueOrSilent(about, step, {
    ...{ layer: 'power', confidence: 'guess' },
    cause: 'it was ordered on, nobody saw it on, and no packet of it was ever heard',
    others: ['it is on, but its cable, VLAN or boot order is wrong', 'the outlet is of another machine'],
    remedy: 'look at its lamps; "farrier power status" says what can be seen from here',
  });
}
