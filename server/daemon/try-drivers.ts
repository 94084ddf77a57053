import { createProgramWatch } from '../edges/program-watch.ts';
import { openStandIn } from '../edges/stand-in.ts';
import type { PowerEdges } from '../ports/power-driver.ts';
import { createDriverTests, type DriverTestDeps, type DriverTests } from '../services/driver-tests.ts';

/** Drivers are judged with what this host can tell: its processes, its memory, and stand-ins on its loopback. */
export function tryDrivers(parts: Omit<DriverTestDeps, 'edges' | 'openStandIn'> & PowerEdges): DriverTests {
  const { clock, rng } = parts;
  return createDriverTests({
    ...parts,
    openStandIn: (how, behind) => openStandIn(how, behind, clock),
    edges: () => {
      const programs = createProgramWatch({ clock, rng });
      return {
        clock,
        rng: programs.rng,
        memoryOctets: () => process.memoryUsage().rss,
        watch: (secrets) => programs.watch(secrets),
      };
    },
  });
}
