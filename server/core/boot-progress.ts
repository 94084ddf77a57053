import type { BootStep } from './boot-verdict.ts';
import type { BootStory, FileRole, FileSeen, Mark } from './boot-story.ts';

/** The newest file of a role that went out whole. */
export function wholeFile(story: BootStory, role: FileRole): FileSeen | undefined {
  return story.files.findLast((file) => file.role === role && file.wholeTimes > 0);
}

/** A file of a role that was asked for and did not go out whole since. */
export function brokenFile(story: BootStory, role: FileRole): FileSeen | undefined {
  return story.files.findLast((file) => file.role === role && file.outcome !== 'done');
}

/** Planned files that no loader has fetched whole yet. */
export function missingFiles(story: BootStory): readonly ('kernel' | 'initrd' | 'dtb')[] {
  const { plan } = story;
  const planned = (['kernel', 'initrd', 'dtb'] as const).filter((role) => plan?.[role] !== undefined);
  return planned.filter((role) => !wholeFile(story, role));
}

/** Whether anything of the booted system itself has been heard. */
export function systemSpoke(story: BootStory): Mark | undefined {
  return story.facts ?? story.booted ?? story.step ?? story.started ?? story.systemDhcp;
}

/** When the last file went out whole. */
export function lastFileMs(story: BootStory): number | undefined {
  const ends = story.files.filter((file) => file.wholeTimes > 0).map((file) => file.atMs);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** The last step that was seen done, with the event that shows it. */
export function lastGood(story: BootStory): { readonly step: BootStep; readonly mark: Mark } | undefined {
  const reached: readonly (readonly [BootStep, Mark | undefined])[] = [
    ['ordered', story.ordered],
    ['on', story.seenOn],
    ['heard', story.heard],
    ['addressed', story.acked],
    ['loader', wholeFile(story, 'loader')],
    ['config', wholeFile(story, 'config')],
    ['kernel', wholeFile(story, 'kernel')],
    ['started', story.started ?? story.systemDhcp ?? story.kernelSpoke],
    ['called', story.step],
    ['booted', story.facts ?? story.booted],
  ];
  const found = reached.findLast(([, mark]) => mark !== undefined);
  return found?.[1] && { step: found[0], mark: found[1] };
}
