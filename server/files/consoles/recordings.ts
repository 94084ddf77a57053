import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineId } from '../../core/machine.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ConsoleRecordings } from '../../ports/console-recordings.ts';
import { FolderRecording } from './recording.ts';

/** Recordings below `folder`, one folder a machine, `keepOctets` each at most; all of mode 0600. */
export function openRecordings(options: {
  readonly folder: string;
  readonly keepOctets: number;
  readonly clock: Clock;
}): ConsoleRecordings {
  const open = new Map<MachineId, { readonly recording: FolderRecording; readonly loaded: Promise<void> }>();
  const folderOf = (machine: MachineId): string => join(options.folder, machine);
  return {
    open: async (machine) => {
      const known = open.get(machine);
      if (known) {
        await known.loaded;
        return known.recording;
      }
      const recording = new FolderRecording(folderOf(machine), options.keepOctets, options.clock);
      const loaded = recording.load();
      open.set(machine, { recording, loaded });
      await loaded;
      return recording;
    },
    remove: async (machine) => {
      const known = open.get(machine);
      open.delete(machine);
      await known?.loaded;
      await known?.recording.close();
      await rm(folderOf(machine), { recursive: true, force: true });
    },
    close: async () => {
      for (const { recording, loaded } of open.values()) {
        await loaded;
        await recording.close();
      }
      open.clear();
    },
  };
}
