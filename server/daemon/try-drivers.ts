import { createProgramWatch } from '../edges/program-watch.ts';
import { openStandIn } from '../edges/stand-in.ts';
import type { Log } from '../ports/log.ts';
import type { PowerEdges } from '../ports/power-driver.ts';
import type { DriverCatalogue } from '../ports/power-drivers.ts';
import { createDriverTests, type DriverTestDeps, type DriverTests } from '../services/driver-tests.ts';
import { openPretend, type OpenPretend } from './open-pretend.ts';

/** What drivers are tried with. */
interface TryParts extends Omit<DriverTestDeps, 'openWorld' | 'openStandIn'>, PowerEdges {
  readonly drivers: DriverCatalogue;
  readonly log: Log;
}

/**
 * Drivers are judged with what this host can tell: its processes, its memory, stand-ins on its loopback, and the pretend
 * device beside the driver. `close` ends that one when the daemon stops.
 */
export function tryDrivers(parts: TryParts): DriverTests & { close(): Promise<void> } {
  const { clock, rng } = parts;
  const running = new Set<OpenPretend>();
  const end = async (pretend: OpenPretend): Promise<void> => {
    if (running.delete(pretend)) await pretend.close();
  };
  const openWorld: DriverTestDeps['openWorld'] = async (driver, wantsPretend) => {
    const programs = createProgramWatch({ clock, rng });
    const called = { clock, rng: programs.rng };
    const file = wantsPretend ? parts.drivers.fileOf(driver) : undefined;
    const pretend = file === undefined ? undefined : await openPretend(file, parts);
    if (pretend) running.add(pretend);
    return {
      pretend: pretend?.device,
      edges: {
        ...called,
        ...pretend?.judgedWith(called),
        memoryOctets: () => process.memoryUsage().rss,
        watch: (secrets) => programs.watch(secrets),
      },
      close: async () => {
        if (pretend) await end(pretend);
      },
    };
  };
  return {
    ...createDriverTests({ ...parts, openWorld, openStandIn: (how, behind) => openStandIn(how, behind, clock) }),
    close: async () => {
      for (const pretend of running) await end(pretend);
    },
  };
}
